package mcp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// seal makes the requestState that a client carries from a question to its answer. It says until when the answer is
// taken, and proves that we asked; what we asked is not in it, because the repeated call says that itself.
type seal struct {
	key []byte
	now func() time.Time
}

// Strict: each state is written in one way only.
var stateText = base64.RawURLEncoding.Strict()

// The state is the time of expiry in Unix seconds, 8 bytes, and the code over that and the question.
const stateSize = 8 + sha256.Size

func (s seal) make(question []byte) string {
	expiry := binary.BigEndian.AppendUint64(nil, uint64(s.now().Add(QuestionLife).Unix()))
	return stateText.EncodeToString(append(expiry, s.code(expiry, question)...))
}

// holds reports whether this question was asked, and not too long ago.
func (s seal) holds(state string, question []byte) bool {
	raw, err := stateText.DecodeString(state)
	if err != nil || len(raw) != stateSize {
		return false
	}
	expiry, code := raw[:8], raw[8:]
	return hmac.Equal(code, s.code(expiry, question)) && s.now().Unix() < int64(binary.BigEndian.Uint64(expiry))
}

func (s seal) code(expiry, question []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte("deputy question 1\n")) // the key may be used for other things some day
	mac.Write(expiry)
	mac.Write(question)
	return mac.Sum(nil)
}
