package identity

import (
	"testing"

	"easel"
)

// The cost of establishing who sent a request, which every request pays.

func BenchmarkVerify(b *testing.B) {
	f := newFixture(b)
	for b.Loop() {
		if _, err := f.Verify(b.Context(), vectors[0].request()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyToken(b *testing.B) {
	f := newFixture(b)
	token, _ := f.login(b, TokenScope{ProjectName: "eu-de"})
	for b.Loop() {
		if _, err := f.VerifyToken(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyRegistryToken(b *testing.B) {
	f := newFixture(b)
	token, err := f.RegistryToken(b.Context(), f.admin(), []easel.Scope{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := f.VerifyRegistryToken(b.Context(), token.Token); err != nil {
			b.Fatal(err)
		}
	}
}
