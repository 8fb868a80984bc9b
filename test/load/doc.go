// Package load sends traffic to an application at a fixed rate while it is
// being updated, and finds out what was lost.
//
// It owns the client's side of the proof. It is open-loop: a request starts
// when its time has come, whether or not earlier ones were answered, and its
// latency counts from that time. It never retries: a request that the server
// or the network dropped is a failure, where an ordinary client library would
// hide it. Where the machine must not be overrun, Config.MaxOpen bounds what
// waits, and the report says how many were not sent. It must not know anything
// of Gapless.
package load
