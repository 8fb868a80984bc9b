// Package e2e runs the real gapless against a real Docker engine and the
// example application, under traffic.
//
// The tests are behind the build tag e2e, because they need an engine; make
// test-e2e gives them one.
package e2e
