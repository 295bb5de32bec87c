package hook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Deliveries are signed as the Standard Webhooks specification has it, for
// which there are verifiers in many languages: HMAC-SHA256 with the bytes
// behind "whsec_" as the key, over "ID.SECONDS.BODY".
const secretPrefix = "whsec_"

// sign sets the headers that prove who sent a body, and when. A receiver
// refuses what is older than a few minutes, and ids that it has seen.
func sign(h http.Header, secret, id string, at time.Time, body []byte) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil {
		return fmt.Errorf("the stored secret of a hook is damaged: %w", err)
	}
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, seconds, body)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", seconds)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}
