package app

import "testing"

func TestSameRegistry(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]bool{
		"easel.test:8580":                       true,
		"http://easel.test:8580":                true,
		"https://easel.test:8580/v2/":           true,
		"easel.test:8580/team/app":              true,
		"EASEL.test:8580":                       true,
		"easel.test":                            false,
		"easel.test:85800":                      false,
		"easel.test:8580.evil.example":          false,
		"https://evil.example/easel.test:8580":  false,
		"https://easel.test:8580@evil.example/": false,
		"https://index.docker.io/v1/":           false,
		"":                                      false,
	} {
		if got := sameRegistry(asked, "easel.test:8580"); got != want {
			t.Errorf("sameRegistry(%q) = %v, want %v", asked, got, want)
		}
	}
}
