// Package notify tells people how an update ended: a webhook, Slack, Discord,
// ntfy or mail.
//
// It owns the requests to these services and their bounds: each takes seconds at
// most, follows nothing, asks no proxy, reads little, and never says an address
// or a password in an error. It must not decide what is told, or when.
package notify
