package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"

	"easel"
)

// argonCost is the OWASP minimum for argon2id. A hash takes tens of
// milliseconds; only one is computed at a time, and few may wait, so that
// guesses cannot take the machine from those who are logged in.
var argonCost = cost{memory: 19 << 10, passes: 2, lanes: 1}

const (
	argonKeySize = 32
	argonWaiting = 64
	maxPassword  = 1024 // bytes
)

// passwords hashes and checks passwords, one at a time.
type passwords struct {
	turn    chan struct{}
	waiting *atomic.Int32
	cost    cost
	dummy   string // what the password of an unknown user is compared with
}

// cost is what a new hash takes; memory is in KiB.
type cost struct {
	memory, passes uint32
	lanes          uint8
}

func newPasswords(c cost) passwords {
	sum := make([]byte, argonKeySize)
	salt := make([]byte, 16)
	rand.Read(sum)
	rand.Read(salt)
	return passwords{turn: make(chan struct{}, 1), waiting: new(atomic.Int32), cost: c, dummy: formatPHC(c, salt, sum)}
}

// hash returns a PHC string.
func (p passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	sum, err := p.derive(ctx, password, p.cost, salt, argonKeySize)
	if err != nil {
		return "", err
	}
	return formatPHC(p.cost, salt, sum), nil
}

// check reports whether password belongs to phc. An empty phc takes as long
// as any other and never fits.
func (p passwords) check(ctx context.Context, password, phc string) (bool, error) {
	unknown := phc == ""
	if unknown {
		phc = p.dummy
	}
	h, err := parsePHC(phc)
	if err != nil {
		return false, err
	}
	sum, err := p.derive(ctx, password, h.cost, h.salt, uint32(len(h.sum)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum, h.sum) == 1 && !unknown, nil
}

func (p passwords) derive(ctx context.Context, password string, c cost, salt []byte, size uint32) ([]byte, error) {
	if len(password) > maxPassword {
		return nil, easel.E(easel.Invalid, "password", "a password has at most %d bytes", maxPassword)
	}
	defer p.waiting.Add(-1)
	if p.waiting.Add(1) > argonWaiting {
		return nil, easel.E(easel.TooMany, "password", "too many log-ins at once; try again in a few seconds")
	}
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.turn }()
	key := argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.lanes, size)
	debug.FreeOSMemory() // a hash takes more memory than all the rest of a small server, and is rare
	return key, nil
}

// phc is a parsed argon2id hash in the PHC string format.
type phc struct {
	cost
	salt, sum []byte
}

func formatPHC(c cost, salt, sum []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.passes, c.lanes,
		b64.EncodeToString(salt), b64.EncodeToString(sum))
}

func parsePHC(s string) (phc, error) {
	bad := fmt.Errorf("a stored password is no argon2id hash that this version can check")
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, bad
	}
	var h phc
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.lanes); err != nil || n != 3 {
		return phc{}, bad
	}
	var err, err2 error
	h.salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	h.sum, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || err2 != nil || len(h.salt) < 8 || len(h.sum) < 16 || len(h.sum) > 64 ||
		h.memory < 8 || h.memory > 1<<20 || h.passes < 1 || h.passes > 16 || h.lanes < 1 {
		return phc{}, bad
	}
	return h, nil
}
