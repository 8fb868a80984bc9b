package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const chunkBytes = 64 << 10

// transfer runs one big upload and one big download side by side, slow enough
// to be under way when the application is switched.
func (r *Run) transfer(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(r.config.TransferAfter):
	}
	var both sync.WaitGroup
	both.Go(func() { r.upload() })
	both.Go(func() { r.download() })
	both.Wait()
}

// upload sends TransferBytes and compares the digest in the answer.
func (r *Run) upload() {
	sample := Sample{ID: r.id + "-upload", Target: "upload-large", Slow: true, Start: time.Now()}
	r.record(r.exchangeLarge(sample, "POST", "/upload", func(c *connection) (func(*http.Response) error, error) {
		chunk := bytes.Repeat([]byte(r.id), chunkBytes/len(r.id))
		digest := sha256.New()
		pacer := r.newPacer()
		for left := r.config.TransferBytes; left > 0; {
			part := chunk[:min(left, int64(len(chunk)))]
			if _, err := c.Write(part); err != nil {
				return nil, err
			}
			digest.Write(part)
			left -= int64(len(part))
			pacer.passed(len(part))
		}
		return func(response *http.Response) error {
			var upload struct {
				SHA256 string `json:"sha256"`
			}
			if err := json.NewDecoder(response.Body).Decode(&upload); err != nil {
				return &cutError{err}
			}
			if upload.SHA256 != hex.EncodeToString(digest.Sum(nil)) {
				return &contentError{fmt.Errorf("the upload arrived changed")}
			}
			return nil
		}, nil
	}))
}

// download fetches TransferBytes and compares every byte.
func (r *Run) download() {
	sample := Sample{ID: r.id + "-download", Target: "download-large", Slow: true, Start: time.Now()}
	path := fmt.Sprintf("/download?bytes=%d", r.config.TransferBytes)
	r.record(r.exchangeLarge(sample, "GET", path, func(*connection) (func(*http.Response) error, error) {
		return func(response *http.Response) error {
			pacer := r.newPacer()
			buffer := make([]byte, chunkBytes)
			var offset int64
			for {
				n, err := response.Body.Read(buffer)
				for i := range buffer[:n] {
					if buffer[i] != patternByte(offset+int64(i)) {
						return &contentError{fmt.Errorf("byte %d is wrong", offset+int64(i))}
					}
				}
				offset += int64(n)
				pacer.passed(n)
				switch {
				case err == io.EOF && offset == r.config.TransferBytes:
					return nil
				case err == io.EOF:
					return &cutError{io.ErrUnexpectedEOF}
				case err != nil:
					return &cutError{err}
				}
			}
		}, nil
	}))
}

// exchangeLarge makes one request on a connection of its own; send writes the
// body and returns what reads the answer.
func (r *Run) exchangeLarge(sample Sample, method, path string, send func(*connection) (func(*http.Response) error, error)) (Sample, error) {
	deadline := sample.Start.Add(r.config.Timeout + 2*r.config.TransferSpread)
	c, err := r.pool.dial(deadline)
	if err != nil {
		return sample, err
	}
	defer c.Close()
	c.SetDeadline(deadline)
	head := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", method, path, r.pool.endpoint.host)
	if method == http.MethodPost {
		head = fmt.Appendf(head, "Content-Length: %d\r\n", r.config.TransferBytes)
	}
	if _, err := c.Write(append(head, "\r\n"...)); err != nil {
		return sample, err
	}
	receive, err := send(c)
	if err != nil {
		return sample, err
	}
	response, err := readAnswer(c.reader, method)
	if err != nil {
		return sample, err
	}
	defer response.Body.Close()
	sample.describe(&Answer{Status: response.StatusCode, Header: response.Header}, r.pool.endpoint.headers)
	if response.StatusCode != http.StatusOK {
		reason, _ := io.ReadAll(io.LimitReader(response.Body, 120))
		return sample, &statusError{response.StatusCode, strings.TrimSpace(string(reason))}
	}
	return sample, receive(response)
}

// pacer spreads a transfer evenly over its time.
type pacer struct {
	begin  time.Time
	total  int64
	spread time.Duration
	done   int64
}

func (r *Run) newPacer() *pacer {
	return &pacer{begin: time.Now(), total: r.config.TransferBytes, spread: r.config.TransferSpread}
}

// passed waits until size more bytes are due.
func (p *pacer) passed(size int) {
	p.done += int64(size)
	due := time.Duration(float64(p.spread) * float64(p.done) / float64(p.total))
	time.Sleep(time.Until(p.begin.Add(due)))
}
