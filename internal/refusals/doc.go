// Package refusals holds docs/refusals.md against real engines: each row of its tables is asked as a model would ask,
// and the code, the sentence and the hint of the answer are compared with the page, word for word. It has nothing but
// tests; go test ./internal/refusals -update writes what they are now into the page, for a developer to read.
package refusals
