// Package front drives an nginx that stands in a container before the
// application: it tells it to read its files again and makes sure that it did.
//
// It knows nginx: how it is called, and what its processes say of themselves.
// It must not decide when something is done, and it changes no file of a user.
package front
