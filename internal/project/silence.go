package project

import (
	"io"
	"sync"

	"github.com/sirupsen/logrus"
)

// quiet counts the loads that run, because the loader's logger is global.
var quiet struct {
	sync.Mutex
	loads  int
	before io.Writer
}

// silenceLogs keeps the loader from writing to the terminal while a project is
// read: what it would say is a Finding. The returned function ends it.
func silenceLogs() (restore func()) {
	quiet.Lock()
	defer quiet.Unlock()
	logger := logrus.StandardLogger()
	if quiet.loads == 0 {
		quiet.before = logger.Out
		logger.SetOutput(io.Discard)
	}
	quiet.loads++
	return func() {
		quiet.Lock()
		defer quiet.Unlock()
		quiet.loads--
		if quiet.loads == 0 {
			logger.SetOutput(quiet.before)
		}
	}
}
