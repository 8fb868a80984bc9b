package backup

import (
	"fmt"
	"strings"
)

// createDatabase makes an empty database like one that was dumped. The names of
// the properties are those of the columns of pg_database, which differ between
// versions.
func createDatabase(name string, like Database, owner string) string {
	text := func(column string) string {
		value, _ := like.Properties[column].(string)
		return value
	}
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE DATABASE %s TEMPLATE template0", quoteName(name))
	if owner != "" {
		fmt.Fprintf(&b, " OWNER %s", quoteName(owner))
	}
	if encoding := encodingNumber(like.Properties["encoding"]); encoding != "" {
		fmt.Fprintf(&b, " ENCODING %s", encoding)
	}
	if collate := text("datcollate"); collate != "" {
		fmt.Fprintf(&b, " LC_COLLATE %s LC_CTYPE %s", quoteText(collate), quoteText(text("datctype")))
	}
	locale := text("datlocale") // from Postgres 17 on
	if locale == "" {
		locale = text("daticulocale")
	}
	switch text("datlocprovider") {
	case "i":
		fmt.Fprintf(&b, " LOCALE_PROVIDER icu ICU_LOCALE %s", quoteText(locale))
		if rules := text("daticurules"); rules != "" {
			fmt.Fprintf(&b, " ICU_RULES %s", quoteText(rules))
		}
	case "b":
		fmt.Fprintf(&b, " LOCALE_PROVIDER builtin BUILTIN_LOCALE %s", quoteText(locale))
	case "c":
		b.WriteString(" LOCALE_PROVIDER libc")
	}
	return b.String()
}

// encodingNumber is what CREATE DATABASE takes beside a name.
func encodingNumber(value any) string {
	if number, is := value.(float64); is {
		return fmt.Sprintf("%d", int(number))
	}
	return ""
}
