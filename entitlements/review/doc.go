// Package review holds policies against everything that is known and tells people what they do: Lint warns of what may
// not be meant, Explain says why a decision is as it is, and Diff says who gains and who loses what between two
// configurations.
//
// The package reads what was compiled through entitlements.TableView and asks Decide. It decides nothing itself.
package review
