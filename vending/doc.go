// Package vending turns a decision into a role, and a role into rows.
//
// An Engine is one data platform. It says what a statement would read (Analyze), and it runs that statement as a role
// which is made for it, sees nothing but the views the decision allows, and is gone before the rows are handed on
// (Run). The engines live in the folders below; enginetest holds what each must pass. The gate is the second lock: it
// refuses what no statement may use, whoever asks.
package vending
