package main

import (
	"strings"
	"testing"
)

func TestTally(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		short          bool
		report         []string
		passed, failed int
		prints, hides  string
	}{{
		name: "passed tests are silent",
		report: []string{
			`{"Action":"output","Package":"p","Test":"TestA","Output":"quiet\n"}`,
			`{"Action":"pass","Package":"p","Test":"TestA"}`,
			`{"Action":"pass","Package":"p","Elapsed":1.5}`,
		},
		passed: 1, prints: "ok    p", hides: "quiet",
	}, {
		name: "a failed test is printed",
		report: []string{
			`{"Action":"output","Package":"p","Test":"TestA","Output":"loud\n"}`,
			`{"Action":"fail","Package":"p","Test":"TestA"}`,
			`{"Action":"fail","Package":"p"}`,
		},
		failed: 1, prints: "loud",
	}, {
		name: "a skipped test failed",
		report: []string{
			`{"Action":"skip","Package":"p","Test":"TestA"}`,
			`{"Action":"pass","Package":"p"}`,
		},
		failed: 1, prints: "skip p TestA",
	}, {
		name:  "unless skipping was asked for",
		short: true,
		report: []string{
			`{"Action":"skip","Package":"p","Test":"TestA"}`,
			`{"Action":"pass","Package":"p"}`,
		},
	}, {
		name: "a panic ends no test, and its package failed",
		report: []string{
			`{"Action":"pass","Package":"p","Test":"TestA"}`,
			`{"Action":"output","Package":"p","Test":"TestB","Output":"panic: loud\n"}`,
			`{"Action":"fail","Package":"p"}`,
		},
		passed: 1, failed: 1, prints: "panic: loud",
	}, {
		name: "what does not compile failed",
		report: []string{
			`{"ImportPath":"p [p.test]","Action":"build-output","Output":"undefined: x\n"}`,
			`{"ImportPath":"p [p.test]","Action":"build-fail"}`,
			`{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
		},
		failed: 1, prints: "undefined: x",
	}, {
		name:   "what is no JSON is passed on",
		report: []string{"go: a complaint"},
		prints: "go: a complaint",
	}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			y := newTally(&out)
			y.short = tt.short
			if err := y.read(strings.NewReader(strings.Join(tt.report, "\n") + "\n")); err != nil {
				t.Fatal(err)
			}
			if y.passed != tt.passed || y.failed != tt.failed {
				t.Errorf("%d passed, %d failed, want %d and %d", y.passed, y.failed, tt.passed, tt.failed)
			}
			if !strings.Contains(out.String(), tt.prints) {
				t.Errorf("printed %q, want %q in it", out.String(), tt.prints)
			}
			if tt.hides != "" && strings.Contains(out.String(), tt.hides) {
				t.Errorf("printed %q, want no %q in it", out.String(), tt.hides)
			}
		})
	}
}
