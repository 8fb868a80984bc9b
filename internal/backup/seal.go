package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
)

// ErrNoIdentity says that an encrypted backup cannot be read here: the key is
// kept elsewhere, as it should.
var ErrNoIdentity = errors.New("it is encrypted, and no identity was given")

// seal encrypts to the recipients of the user and to a key that only this
// process has, for as long as it takes to prove what was written: the private
// keys of the user are not on this host, and no plain copy need lie on a disk.
type seal struct {
	recipients []age.Recipient
	identity   age.Identity // of this process
}

// newSeal reads public keys as age-keygen prints them; none: no encryption.
func newSeal(keys []string) (*seal, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	s := &seal{}
	hybrid := 0
	for _, key := range keys {
		parsed, err := age.ParseRecipients(strings.NewReader(key))
		if err != nil || len(parsed) != 1 {
			return nil, &RecipientError{Key: key}
		}
		if _, is := parsed[0].(*age.HybridRecipient); is {
			hybrid++
		}
		s.recipients = append(s.recipients, parsed[0])
	}
	if hybrid > 0 && hybrid < len(keys) {
		return nil, errors.New("x-gapless.backup.recipients has keys with and without protection against quantum computers; use one kind")
	}
	own, err := newOwnKey(hybrid > 0)
	if err != nil {
		return nil, err
	}
	s.identity, s.recipients = own.identity, append(s.recipients, own.recipient)
	return s, nil
}

type ownKey struct {
	identity  age.Identity
	recipient age.Recipient
}

func newOwnKey(hybrid bool) (ownKey, error) {
	if hybrid {
		key, err := age.GenerateHybridIdentity()
		if err != nil {
			return ownKey{}, err
		}
		return ownKey{key, key.Recipient()}, nil
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return ownKey{}, err
	}
	return ownKey{key, key.Recipient()}, nil
}

// CheckRecipients refuses keys that nothing can be encrypted to.
func CheckRecipients(keys []string) error {
	_, err := newSeal(keys)
	return err
}

// RecipientError says that a public key cannot be used.
type RecipientError struct{ Key string }

func (e *RecipientError) Error() string {
	if strings.HasPrefix(strings.ToUpper(e.Key), "AGE-SECRET-KEY-") {
		return "x-gapless.backup.recipients has a secret key: it belongs where the backups are not"
	}
	return fmt.Sprintf("x-gapless.backup.recipients: %.80q is not a public key of age", e.Key)
}

// Hint tells what to do about it.
func (e *RecipientError) Hint() string {
	return "age-keygen makes a key and prints its public half, which starts with age1"
}

// ReadIdentities reads a file of secret keys, as age-keygen writes it.
func ReadIdentities(path string) ([]age.Identity, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	identities, err := age.ParseIdentities(file)
	if err != nil {
		return nil, fmt.Errorf("%s holds no identity of age: %w", path, err)
	}
	return identities, nil
}

// open decrypts.
func open(from io.Reader, identities []age.Identity) (io.Reader, error) {
	if len(identities) == 0 {
		return nil, ErrNoIdentity
	}
	plain, err := age.Decrypt(from, identities...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return nil, errors.New("it is not encrypted to any of the given identities")
	}
	if err != nil {
		return nil, fmt.Errorf("it cannot be decrypted: %w", err)
	}
	return plain, nil
}
