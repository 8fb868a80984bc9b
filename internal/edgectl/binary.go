package edgectl

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// BinaryName is the file name of the edge's program.
const BinaryName = "gapless-edge"

// ErrNoBinary means that the edge's program was neither embedded nor found.
var ErrNoBinary = errors.New("gapless-edge not found beside gapless; run make build, or put both files into one directory")

// Binary returns the path of the edge's program: the embedded one, extracted to the
// state directory, else the one beside the running executable.
func Binary(stateDirectory string) (string, error) {
	if len(embedded) > 0 {
		return extract(stateDirectory, embedded)
	}
	executable, err := os.Executable()
	if err != nil {
		return "", err
	}
	if resolved, err := filepath.EvalSymlinks(executable); err == nil {
		executable = resolved
	}
	path := filepath.Join(filepath.Dir(executable), BinaryName)
	if found, err := os.Stat(path); err != nil || !found.Mode().IsRegular() {
		return "", ErrNoBinary
	}
	return path, nil
}

// extract writes the program under a name that holds its digest, so that a running
// program is never overwritten and a complete file is never written twice.
func extract(stateDirectory string, program []byte) (string, error) {
	sum := sha256.Sum256(program)
	path := filepath.Join(stateDirectory, BinaryName+"-"+hex.EncodeToString(sum[:6]))
	if present, err := os.ReadFile(path); err == nil && sha256.Sum256(present) == sum {
		return path, nil
	}
	if err := os.MkdirAll(stateDirectory, 0o700); err != nil {
		return "", fmt.Errorf("extract the edge: %w", err)
	}
	temporary, err := os.CreateTemp(stateDirectory, ".edge-*")
	if err != nil {
		return "", fmt.Errorf("extract the edge: %w", err)
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(program)
	err = errors.Join(err, temporary.Chmod(fs.FileMode(0o755)), temporary.Sync(), temporary.Close())
	if err != nil {
		return "", fmt.Errorf("extract the edge: %w", err)
	}
	return path, os.Rename(temporary.Name(), path)
}
