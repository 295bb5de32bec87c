package registry

import (
	"cmp"
	"reflect"
)

// orDefault is orElse for functions, pointers and interfaces.
func orDefault[T any](v, fallback T) T {
	if reflect.ValueOf(&v).Elem().IsZero() {
		return fallback
	}
	return v
}

// orElse returns v, or fallback when v is zero.
func orElse[T comparable](v, fallback T) T { return cmp.Or(v, fallback) }

type noMetrics struct{}

func (noMetrics) BytesIn(int64)    {}
func (noMetrics) BytesOut(int64)   {}
func (noMetrics) BytesFreed(int64) {}
