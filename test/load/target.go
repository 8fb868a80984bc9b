package load

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
)

// Target is one kind of request in the mix.
type Target struct {
	Name   string
	Weight int    // relative to the other targets
	Method string // GET or POST
	Path   string // {id} is replaced by the request's id
	// Body makes the body from the request's id; nil = none.
	Body func(id string) []byte
	// Check looks at a complete 2xx answer; an error makes it a failure. nil =
	// nothing to check.
	Check func(id string, answer *Answer) error
	// Follow returns what a browser asks for next because of a right answer, such
	// as a file that a page names; nil = nothing. It comes on top of the rate.
	Follow func(answer *Answer) *Target
	// Slow says that it takes long on purpose: left out of the latencies.
	Slow bool
	// Journalled says that the application notes this id in its journal.
	Journalled bool
}

// Answer is a complete answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Sent   []byte // body of the request
}

// ShopTargets is the mix for the example application.
func ShopTargets() []Target {
	return []Target{
		{Name: "home", Weight: 540, Method: "GET", Path: "/"},
		{Name: "download-2k", Weight: 200, Method: "GET", Path: "/download?bytes=2048", Check: checkPattern(2048)},
		{Name: "download-200k", Weight: 50, Method: "GET", Path: "/download?bytes=204800", Check: checkPattern(204800)},
		{Name: "slow", Weight: 10, Method: "GET", Path: "/slow?ms=2000", Slow: true},
		order("order-small", 120, 0),
		order("order-4k", 40, 4<<10),
		order("order-100k", 10, 100<<10),
		{Name: "upload-32k", Weight: 30, Method: "POST", Path: "/upload", Body: ballast(32 << 10), Check: checkDigest},
	}
}

// Paths is a mix of plain GET requests for an application that is not the
// example.
func Paths(paths ...string) []Target {
	var targets []Target
	for _, path := range paths {
		targets = append(targets, Target{Name: path, Weight: 1, Method: "GET", Path: path})
	}
	return targets
}

func order(name string, weight, noteBytes int) Target {
	return Target{
		Name: name, Weight: weight, Method: "POST", Path: "/orders", Journalled: true,
		Body: func(id string) []byte {
			return fmt.Appendf(nil, `{"id":%q,"note":%q}`, id, strings.Repeat("x", noteBytes))
		},
		Check: checkOrder,
	}
}

func checkOrder(id string, answer *Answer) error {
	var order struct {
		ID    string `json:"id"`
		Bytes int    `json:"bytes"`
	}
	if err := json.Unmarshal(answer.Body, &order); err != nil {
		return err
	}
	if order.ID != id || order.Bytes != len(answer.Sent) {
		return fmt.Errorf("sent order %s of %d bytes, was answered %s of %d", id, len(answer.Sent), order.ID, order.Bytes)
	}
	return nil
}

func ballast(size int) func(string) []byte {
	return func(id string) []byte { return bytes.Repeat([]byte(id+"\n"), size/(len(id)+1)) }
}

func checkDigest(_ string, answer *Answer) error {
	var upload struct {
		SHA256 string `json:"sha256"`
	}
	if err := json.Unmarshal(answer.Body, &upload); err != nil {
		return err
	}
	if digest := sha256.Sum256(answer.Sent); upload.SHA256 != hex.EncodeToString(digest[:]) {
		return fmt.Errorf("the upload arrived changed")
	}
	return nil
}

// patternByte is what the example application sends as byte i of a download.
func patternByte(i int64) byte {
	i &= 1<<16 - 1
	return byte(i ^ i>>8)
}

func checkPattern(size int) func(string, *Answer) error {
	return func(_ string, answer *Answer) error {
		if len(answer.Body) != size {
			return fmt.Errorf("asked for %d bytes, got %d", size, len(answer.Body))
		}
		for i, b := range answer.Body {
			if b != patternByte(int64(i)) {
				return fmt.Errorf("byte %d of the download is wrong", i)
			}
		}
		return nil
	}
}

// mix chooses targets by weight, the same sequence for the same seed.
type mix struct {
	targets []Target
	total   int
	random  *rand.Rand
}

func newMix(targets []Target, seed uint64) *mix {
	m := &mix{targets: targets, random: rand.New(rand.NewPCG(seed, 0))}
	for _, target := range targets {
		m.total += target.Weight
	}
	return m
}

func (m *mix) next() *Target {
	chosen := m.random.IntN(m.total)
	for i := range m.targets {
		if chosen -= m.targets[i].Weight; chosen < 0 {
			return &m.targets[i]
		}
	}
	return &m.targets[len(m.targets)-1]
}
