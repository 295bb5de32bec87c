package identity

import (
	"crypto/sha256"
	"sync"
)

// verified remembers the claims of registry tokens whose signature was found
// right: a client sends the same one with each of hundreds of requests. It
// holds nothing that can end: times, account, key and rights are looked at
// for every request. Tokens are kept by their hash, so that how long a look-up
// takes tells nothing about them.
type verified struct {
	mu        sync.Mutex
	now, past map[[sha256.Size]byte]claims // past is dropped when now is full
}

// maxVerified bounds each of the two maps.
const maxVerified = 2048

// maxRemembered is the longest token that is kept, in bytes: a few scopes.
const maxRemembered = 2 << 10

func (v *verified) get(token string) (claims, bool) {
	key := sha256.Sum256([]byte(token))
	v.mu.Lock()
	defer v.mu.Unlock()
	c, ok := v.now[key]
	if ok {
		return c, true
	}
	if c, ok = v.past[key]; ok {
		v.put(key, c)
	}
	return c, ok
}

func (v *verified) add(token string, c claims) {
	if len(token) > maxRemembered {
		return
	}
	key := sha256.Sum256([]byte(token))
	v.mu.Lock()
	defer v.mu.Unlock()
	v.put(key, c)
}

func (v *verified) put(key [sha256.Size]byte, c claims) {
	if len(v.now) >= maxVerified || v.now == nil {
		v.now, v.past = make(map[[sha256.Size]byte]claims), v.now
	}
	v.now[key] = c
}
