package update

import (
	"fmt"
	"runtime/debug"
)

// carriedPanic is a panic of another goroutine, with the place where it was.
type carriedPanic struct {
	value any
	stack []byte
}

func (p *carriedPanic) String() string { return fmt.Sprintf("%v\n%s", p.value, p.stack) }

// caught runs an act and returns its panic, nil if it had none. A panic that
// nobody catches in a goroutine ends the program before anybody can say what
// that means; its caller lets it go on instead.
func caught(act func()) (carried *carriedPanic) {
	defer func() {
		if value := recover(); value != nil {
			carried = &carriedPanic{value: value, stack: debug.Stack()}
		}
	}()
	act()
	return nil
}
