package cli

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"gapless/internal/engine"
)

// programInImage is where this program is in the image that holds nothing else.
const programInImage = "/gapless"

// ownImage makes sure that this program is there as an image.
func ownImage(ctx context.Context, e *engine.Engine) (imageID string, err error) {
	program, sum, err := ownProgram()
	if err != nil {
		return "", fmt.Errorf("own program: %w", err)
	}
	return e.EnsureImage(ctx, "gapless:"+sum, program)
}

// ownProgram is the path of this program and a digest that names its content.
func ownProgram() (path, sum string, err error) {
	if path, err = os.Executable(); err != nil {
		return "", "", err
	}
	file, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer file.Close()
	digest := sha256.New()
	if _, err := io.Copy(digest, file); err != nil {
		return "", "", err
	}
	return path, hex.EncodeToString(digest.Sum(nil)[:6]), nil
}

// helperImage is ownImage, found once: the program is read whole for it.
func (s *session) helperImage(ctx context.Context) (imageID string, err error) {
	if s.ownImage == "" {
		s.ownImage, err = ownImage(ctx, s.engine)
	}
	return s.ownImage, err
}

// errDynamic says that this program cannot run where there is no other file.
var errDynamic = errors.New("this gapless needs libraries of the host, because it was not built with CGO_ENABLED=0")

// runsAlone tells why this program could not run as the only file of an image;
// nil if it can.
func runsAlone() error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	return isStatic(path)
}

// isStatic refuses a program that asks for a dynamic linker.
func isStatic(path string) error {
	file, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("read the own program: %w", err)
	}
	defer file.Close()
	if slices.ContainsFunc(file.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return errDynamic
	}
	return nil
}
