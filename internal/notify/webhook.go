package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
)

// webhook posts the payload as JSON. With a key, the receiver can tell that it came
// from here, and when: the signature is the HMAC-SHA256 of TIMESTAMP.BODY.
func (c *Channel) webhook(ctx context.Context, message Message) error {
	body, err := json.Marshal(message.Payload)
	if err != nil {
		return err
	}
	timestamp := strconv.FormatInt(c.now().Unix(), 10)
	header := map[string]string{"Content-Type": "application/json", "X-Gapless-Delivery": message.ID, "X-Gapless-Timestamp": timestamp}
	if c.target.Secret != "" {
		header["X-Gapless-Signature"] = "sha256=" + Sign(string(c.target.Secret), timestamp, body)
	}
	_, err = c.post(ctx, http.MethodPost, string(c.target.URL), header, body)
	return err
}

// Sign is the signature of a delivery, in hexadecimal.
func Sign(key, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
