// Package engine is everything that Gapless does with Docker: it observes the
// containers of a project, builds and fetches images, creates containers
// exactly as docker compose would, and starts, signals and removes them.
//
// It is the only package that links Docker code. It decides nothing: what is
// to be done is planned in package update, whose interfaces Images, Creator
// and Containers are implemented here by Workbench. It must not use a request
// that goes on blocking in the daemon after its client died, with the one
// exception of SettleStop, which exists to outrun such a request.
package engine
