package human

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"easel"
)

// Bytes is a size: a number with an optional unit KiB, MiB, GiB or TiB.
type Bytes int64

var units = []struct {
	name string
	size int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *Bytes) UnmarshalText(text []byte) error {
	for _, u := range units {
		digits, ok := strings.CutSuffix(string(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.size {
			return easel.E(easel.Invalid, "size", "%q is no size: want a number with KiB, MiB, GiB or TiB", text)
		}
		*b = Bytes(n * u.size)
		return nil
	}
	return nil
}

// MarshalText implements encoding.TextMarshaler; the result reads back as b.
func (b Bytes) MarshalText() ([]byte, error) {
	for _, u := range units[:4] {
		if b != 0 && int64(b)%u.size == 0 {
			return fmt.Appendf(nil, "%d%s", int64(b)/u.size, u.name), nil
		}
	}
	return strconv.AppendInt(nil, int64(b), 10), nil
}
