package app

import "testing"

func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"1": 1, "10GiB": 10 << 30, "500MB": 500e6, "1.5TiB": 3 << 39, "2 kB": 2000, "7b": 7, "1e3": 1000, "0.5KiB": 512,
		"": 0, "GiB": 0, "-1": 0, "0": 0, "ten": 0, "1XB": 0, "1iB": 0, "NaN": 0, "Inf": 0, "1e300TiB": 0, "9223372036854775807": 0, "1GiB2": 0,
	} {
		got, err := parseSize(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("parseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
}
