package sqlite

import (
	"testing"

	"deputy/vending/enginetest"
)

func TestProfile(t *testing.T) {
	enginetest.RunProfile(t, newEngine(t, newFile(t, enginetest.ProfileSeed("")...)))
}
