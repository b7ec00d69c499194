// Package load has the measurements of what one greedy caller does to a server and to the others: of its memory, and of
// their calls. They are tests alone, and run by make load, on a real server process.
package load
