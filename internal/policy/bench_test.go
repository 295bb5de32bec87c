package policy_test

import (
	"testing"

	"easel"
	"easel/internal/policy"
)

func BenchmarkCheck(b *testing.B) {
	who := easel.Principal{UserID: "u", DomainID: "d", Scopes: []easel.Scope{{Type: "repository", Name: "team/image", Actions: []string{"pull", "push"}}}}
	grants := easel.Grants{Domain: "d", Level: policy.LevelEdit}
	b.ReportAllocs()
	for b.Loop() {
		if err := policy.Check(who, grants, policy.Push, "repository", "team/image"); err != nil {
			b.Fatal(err)
		}
	}
}
