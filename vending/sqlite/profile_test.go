package sqlite

import (
	"testing"

	"deputy/vending/enginetest/profiling"
)

func TestProfile(t *testing.T) {
	profiling.Run(t, newEngine(t, newFile(t, profiling.Seed("")...)))
}
