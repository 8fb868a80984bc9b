package engine

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
)

// labelContent tells of which program an image was made.
const labelContent = "gapless.content"

// EnsureImage makes an image that holds nothing but one static program, at
// "/" and the last part of the reference's name, unless it is there already.
// It returns the ID of the image.
func (e *Engine) EnsureImage(ctx context.Context, reference, binaryPath string) (string, error) {
	program, err := os.Open(binaryPath)
	if err != nil {
		return "", err
	}
	defer program.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, program); err != nil {
		return "", err
	}
	content := hex.EncodeToString(sum.Sum(nil))
	image, err := e.client.ImageInspect(ctx, reference)
	if err == nil && image.Config != nil && image.Config.Labels[labelContent] == content {
		return image.ID, nil
	}
	if err != nil && !errdefs.IsNotFound(err) {
		return "", err
	}
	if err := e.importProgram(ctx, reference, program, content); err != nil {
		return "", fmt.Errorf("import %s: %w", reference, err)
	}
	image, err = e.client.ImageInspect(ctx, reference)
	return image.ID, err
}

// dropProgram removes the image of a program that was replaced, unless a
// container still needs it. A failure only costs space.
func (e *Engine) dropProgram(ctx context.Context, imageID string) {
	image, err := e.client.ImageInspect(ctx, imageID)
	if err == nil && image.Config != nil && image.Config.Labels[labelContent] != "" {
		_, _ = e.client.ImageRemove(ctx, image.ID, client.ImageRemoveOptions{})
	}
}

// importProgram streams the program to the engine as the only file of a tar.
func (e *Engine) importProgram(ctx context.Context, reference string, program *os.File, content string) error {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	repository, _, _ := strings.Cut(path.Base(reference), ":")
	size, err := program.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := program.Seek(0, io.SeekStart); err != nil {
		return err
	}
	packed, packing := io.Pipe()
	defer packed.Close()
	go func() { packing.CloseWithError(packProgram(packing, repository, program, size)) }()
	answer, err := e.client.ImageImport(ctx, client.ImageImportSource{Source: packed, SourceName: "-"}, reference, client.ImageImportOptions{
		Changes: []string{`CMD ["/` + repository + `"]`, "LABEL " + labelContent + "=" + content},
	})
	if err != nil {
		return err
	}
	_, readErr := io.Copy(io.Discard, answer)
	return errors.Join(readErr, answer.Close())
}

// packProgram writes a tar with the program, without the time and owner that
// the file happens to have.
func packProgram(to io.Writer, name string, program io.Reader, size int64) error {
	archive := tar.NewWriter(to)
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: size, Format: tar.FormatPAX}); err != nil {
		return err
	}
	if _, err := io.Copy(archive, program); err != nil {
		return err
	}
	return archive.Close()
}
