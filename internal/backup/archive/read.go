package archive

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"
)

// Reader reads an archive and refuses whatever Write would not have written: what
// leads out of the volume, what is out of order, what is cut off.
type Reader struct {
	tar     *tar.Reader
	whole   io.Reader
	last    Entry
	open    []level         // directories from the volume down to the last entry
	linked  map[string]bool // files that have other names too
	count   int
	entered bool
	ended   bool
}

// level is a directory and the last name in it.
type level struct{ path, name string }

// NewReader reads from a stream.
func NewReader(from io.Reader) *Reader {
	whole := bufio.NewReaderSize(from, 256<<10)
	return &Reader{tar: tar.NewReader(whole), whole: whole}
}

// Next gives the next entry; its content is read from the Reader itself. With
// voided the entry before was not still while it was read and does not count.
// io.EOF comes only after a whole archive.
func (r *Reader) Next() (e Entry, voided bool, err error) {
	h, err := r.tar.Next()
	switch {
	case errors.Is(err, io.EOF) && !r.ended, errors.Is(err, io.ErrUnexpectedEOF):
		return e, false, &BadError{Problem: "is cut off"}
	case errors.Is(err, io.EOF):
		if _, err := io.Copy(io.Discard, r.whole); err != nil {
			return e, false, err
		}
		return e, false, io.EOF
	case errors.Is(err, tar.ErrHeader):
		return e, false, &BadError{Problem: "is damaged, or is none: " + err.Error()}
	case err != nil:
		return e, false, err
	case r.ended:
		return e, false, &BadError{Problem: "goes on after its end"}
	case h.Typeflag == tar.TypeXGlobalHeader:
		voided, err = r.record(h.PAXRecords)
		if err != nil || voided {
			return e, voided, err
		}
		return r.Next()
	}
	if e, err = entryOf(h); err == nil {
		err = r.enter(e)
	}
	return e, false, err
}

// Read reads the content of the entry.
func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.tar.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = &BadError{Problem: "is cut off"}
	}
	return n, err
}

// record reads what Write says between the entries.
func (r *Reader) record(said map[string]string) (voided bool, err error) {
	if name, is := said[voidRecord]; is {
		if !r.entered || name != strconv.Quote(r.last.Path) || r.last.Type != File {
			return false, &BadError{Problem: "takes back a file that it does not have"}
		}
		r.entered = false
		r.count--
		delete(r.linked, r.last.Path)
		return true, nil
	}
	if count, is := said[endRecord]; is {
		if count != strconv.Itoa(r.count) {
			return false, &BadError{Problem: "lacks entries"}
		}
		r.ended = true
		return false, nil
	}
	return false, &BadError{Problem: "was not made by gapless"}
}

// entryOf reads a header.
func entryOf(h *tar.Header) (Entry, error) {
	e := Entry{Path: strings.TrimSuffix(h.Name, "/"), Mode: uint32(h.Mode) & 0o7777, UID: h.Uid, GID: h.Gid, Modified: h.ModTime.UnixNano(), Target: h.Linkname}
	switch h.Typeflag {
	case tar.TypeReg:
		e.Type, e.Size = File, h.Size
	case tar.TypeDir:
		e.Type = Directory
	case tar.TypeSymlink:
		e.Type = Link
	case tar.TypeLink:
		e = Entry{Path: e.Path, Type: Same, Target: h.Linkname}
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return e, &BadError{Path: h.Name, Problem: "is a device or a pipe, which no backup of gapless holds"}
	default:
		return e, &BadError{Path: h.Name, Problem: "is of a kind that no backup of gapless holds"}
	}
	for name, value := range h.PAXRecords {
		if strings.HasPrefix(name, "GNU.") {
			return e, &BadError{Path: h.Name, Problem: "is a sparse file, which gapless does not write"}
		}
		e.Linked = e.Linked || name == linkedRecord && e.Type == File
		if attribute, is := strings.CutPrefix(name, attributeRecord); is && e.Type != Same {
			if !kept(attribute) {
				return e, &BadError{Path: h.Name, Problem: "has an attribute that no backup of gapless holds"}
			}
			if e.Attributes == nil {
				e.Attributes = map[string]string{}
			}
			e.Attributes[attribute] = value
		}
	}
	return e, e.check()
}

// enter holds the order: an entry is in a directory that came before, after its
// last name. So none is there twice, and none is reached through a link.
func (r *Reader) enter(e Entry) error {
	if len(r.open) == 0 {
		if e.Path != "." {
			return &BadError{Problem: "does not begin with the volume"}
		}
		r.open, r.linked = []level{{path: "."}}, map[string]bool{}
	} else {
		for len(r.open) > 0 && r.open[len(r.open)-1].path != path.Dir(e.Path) {
			r.open = r.open[:len(r.open)-1]
		}
		again := !r.entered && e.Path == r.last.Path // what was taken back
		if len(r.open) == 0 || e.Path == "." || r.open[len(r.open)-1].name >= path.Base(e.Path) && !again {
			return &BadError{Path: e.Path, Problem: "is out of order, so that gapless did not write it"}
		}
		if e.Type == Same && !r.linked[e.Target] {
			return &BadError{Path: e.Path, Problem: "is another name of a file that the archive does not have"}
		}
		r.open[len(r.open)-1].name = path.Base(e.Path)
		if e.Type == Directory {
			r.open = append(r.open, level{path: e.Path})
		}
	}
	if e.Linked {
		r.linked[e.Path] = true
	}
	r.last, r.entered = e, true
	r.count++
	return nil
}

// Lines gives the line of each entry of an archive, as List does of the files that
// it was made of.
func Lines(from io.Reader, line func(Entry) error) error {
	r := NewReader(from)
	var held *Entry // it may be taken back yet
	for {
		e, voided, err := r.Next()
		if voided && err == nil {
			held = nil
			continue
		}
		if held != nil && (err == nil || err == io.EOF) {
			if err := line(*held); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if e.Type == File {
			sum := sha256.New()
			if _, err := io.Copy(sum, r); err != nil {
				return err
			}
			e.SHA256 = hex.EncodeToString(sum.Sum(nil))
		}
		held = &e
	}
}
