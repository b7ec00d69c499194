package requests

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestPeriods(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"4h": 4 * time.Hour, "30d": 720 * time.Hour, "2w": 336 * time.Hour, "90m": 90 * time.Minute, "0004h": 4 * time.Hour,
		"PT4H": 4 * time.Hour, "P30D": 720 * time.Hour, "P2W": 336 * time.Hour, "PT90M": 90 * time.Minute, "P1DT12H": 36 * time.Hour,
		"PT1H30M15S": 90*time.Minute + 15*time.Second, "366d": longestPeriod, "P366D": longestPeriod, "PT31622400S": 0, "PT60S": time.Minute,

		"": 0, "4": 0, "h": 0, "-4h": 0, "+4h": 0, "4H": 0, " 4h": 0, "4h ": 0, "4 h": 0, "4h30m": 0, "1.5h": 0, "30s": 0, "1y": 0, "٤h": 0,
		"P": 0, "PT": 0, "P1DT": 0, "PT4": 0, "P4H": 0, "P1Y": 0, "P1M": 0, "PT-4H": 0, "pt4h": 0, "P1W2D": 0, "PT1.5H": 0, "P1D\n": 0,
		"0h": 0, "0m": 0, "PT0S": 0, "367d": 0, "P366DT1S": 0, "999999w": 0, "30501w": 0 /* which would come round to a short one */, "999999999h": 0, "P9999W": 0, "P999999DT999999H999999M999999S": 0,
	} {
		got, err := ParsePeriod(text)
		if (err != nil) != (want == 0) || time.Duration(got) != want {
			t.Errorf("%q is %s (%v), not %s", text, got, err, want)
		}
	}
}

var writtenPeriod = regexp.MustCompile(`^[0-9PTWDHMSmhdw]+$`)

func FuzzParsePeriod(f *testing.F) {
	for _, seed := range []string{"4h", "30d", "P1DT12H30M5S", "PT4H", "P52W", "999999w", "P", "-1h", "1h1h", "P366DT1S"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePeriod(text)
		if err != nil {
			if p != 0 {
				t.Fatalf("%q is wrong, and %s", text, p)
			}
			if len(text) > 8 && strings.Contains(err.Error(), text) {
				t.Fatalf("the error repeats %q", text)
			}
			return
		}
		if p <= 0 || time.Duration(p) > longestPeriod || !writtenPeriod.MatchString(text) {
			t.Fatalf("%q is %s", text, time.Duration(p))
		}
		if again, err := ParsePeriod(p.String()); err != nil || again != p {
			t.Fatalf("%q is %s, which is read as %s: %v", text, p, again, err)
		}
	})
}
