package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// storeClient is how the other services talk to the store.
type storeClient struct {
	address string
	http    *http.Client
}

func newStoreClient() *storeClient {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return &storeClient{
		address: setting("SHOP_STORE", "http://store:8000"),
		http:    &http.Client{Transport: transport, Timeout: time.Minute},
	}
}

// Append returns once the store has the entries on disk.
func (c *storeClient) Append(ctx context.Context, entries ...Entry) error {
	body, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	answer, err := c.call(ctx, http.MethodPost, "/entries", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("append to the store: %w", err)
	}
	return answer.Close()
}

// Entries returns what the store knows of one id.
func (c *storeClient) Entries(ctx context.Context, id string) ([]Entry, error) {
	answer, err := c.List(ctx, url.Values{"id": {id}})
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	var entries []Entry
	for decoder := json.NewDecoder(answer); ; {
		var entry Entry
		if err := decoder.Decode(&entry); err == io.EOF {
			return entries, nil
		} else if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
}

// List streams entries as lines of JSON; the caller closes it.
func (c *storeClient) List(ctx context.Context, query url.Values) (io.ReadCloser, error) {
	return c.call(ctx, http.MethodGet, "/entries?"+query.Encode(), nil)
}

// Take leases at most limit jobs, waiting up to a second for the first.
func (c *storeClient) Take(ctx context.Context, limit int) ([]string, error) {
	query := url.Values{"max": {fmt.Sprint(limit)}, "by": {instance()}, "version": {version}}
	answer, err := c.call(ctx, http.MethodPost, "/take?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	var ids []string
	return ids, json.NewDecoder(answer).Decode(&ids)
}

// Key returns the newest value of a key, empty when it was never set.
func (c *storeClient) Key(ctx context.Context, name string) (string, error) {
	answer, err := c.call(ctx, http.MethodGet, "/keys/"+url.PathEscape(name), nil)
	if err != nil {
		return "", err
	}
	defer answer.Close()
	value, err := io.ReadAll(answer)
	return strings.TrimSpace(string(value)), err
}

// Healthy is nil when the store answers.
func (c *storeClient) Healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	answer, err := c.call(ctx, http.MethodGet, "/health", nil)
	if err != nil {
		return err
	}
	return answer.Close()
}

func (c *storeClient) call(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.address+path, body)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		defer response.Body.Close()
		reason, _ := io.ReadAll(io.LimitReader(response.Body, 200))
		return nil, fmt.Errorf("the store answered %s: %s", response.Status, strings.TrimSpace(string(reason)))
	}
	return response.Body, nil
}
