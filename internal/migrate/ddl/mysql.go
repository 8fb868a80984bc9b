package ddl

import "strings"

// The ways in which MySQL changes a table. The first holds no lock but for an
// instant, the second lets others write unless it says otherwise, the third
// copies the table while writes wait.
const (
	instant = "INSTANT"
	inplace = "INPLACE"
	copying = "COPY"
)

const commits = "; in MySQL it commits at once, and a file that fails in the middle is half applied"

// mysql judges one statement of MySQL.
func (j *judge) mysql(c *cursor) (Finding, []Action) {
	for _, t := range c.tokens {
		if t.isSymbol(";") {
			return opaque("several statements in one"), nil
		}
	}
	f, actions := j.mysqlStatement(c)
	if f, all := c.ended(f); !all {
		return f, nil
	}
	return f, actions
}

func (j *judge) mysqlStatement(c *cursor) (Finding, []Action) {
	switch word := c.next().text; word {
	case "alter":
		c.any("online", "offline", "ignore")
		if c.accept("table") {
			return j.mysqlAlter(c)
		}
		if c.any("database", "schema", "user") != "" {
			c.at = len(c.tokens)
			return ddl(Breaks, "the old code may rely on what it was").instead(afterSwitch), nil
		}
		return opaque("ALTER of something that is not understood"), nil
	case "create":
		return j.mysqlCreate(c), nil
	case "drop":
		return j.mysqlDrop(c), nil
	case "rename":
		return j.mysqlRename(c), nil
	case "truncate":
		return j.mysqlTruncate(c), nil
	case "begin", "start", "commit", "rollback", "savepoint", "release", "xa":
		c.at = len(c.tokens)
		return does(Safe, "controls the transaction; DDL ends it"), nil
	case "set", "use", "show", "analyze", "unlock":
		return j.mysqlSetting(c, word), nil
	case "lock":
		c.at = len(c.tokens)
		return does(Slow, "others wait until UNLOCK TABLES").instead("leave it out"), nil
	case "optimize":
		c.at = len(c.tokens)
		f := ddl(Slow, "writes the whole table anew").rewrites()
		f.Algorithm = inplace
		return f.instead("run it when little happens"), nil
	case "insert", "update", "delete", "select", "values", "with":
		return j.data(c, word), nil
	case "replace":
		c.at = len(c.tokens)
		return does(Slow|Loses, "overwrites rows that are there").forGood().instead(batches), nil
	case "grant":
		c.at = len(c.tokens)
		return ddl(Safe, "gives a privilege"), nil
	case "revoke":
		c.at = len(c.tokens)
		return ddl(Breaks, "the old code loses a privilege that it may use").instead(afterSwitch), nil
	}
	return opaque("not a statement that is understood"), nil
}

func (j *judge) mysqlTruncate(c *cursor) Finding {
	c.accept("table")
	name, ok := c.name()
	if !ok {
		return opaque("TRUNCATE that is not understood")
	}
	if j.known.made(name) {
		return ddl(Safe, "empties what was made in this file")
	}
	return ddl(Slow|Loses, "all rows are gone").forGood().on(name, Exclusive).instead("make a backup, and delete in batches when the old version has stopped")
}

// ddl is a finding for what commits at once.
func ddl(class Class, why string) Finding {
	f := does(class, why)
	f.Transaction = Commits
	return f
}

func (j *judge) mysqlSetting(c *cursor, word string) Finding {
	rest := c.rest()
	c.at = len(c.tokens)
	if word == "use" {
		j.known = newKnowledge()
	}
	if word == "set" && hasWord(rest, "global", "persist", "password", "foreign_key_checks") {
		if hasWord(rest, "foreign_key_checks") {
			return does(Safe, "a setting of the session: foreign keys are not checked while it is 0")
		}
		return does(Breaks, "a setting of the whole server").instead("change it beside the migration")
	}
	return does(Safe, "touches no row")
}

func (j *judge) mysqlCreate(c *cursor) Finding {
	replaces := c.accept("or", "replace")
	c.accept("temporary")
	kind := c.any("unique", "fulltext", "spatial")
	switch word := c.next().text; word {
	case "table":
		return j.mysqlCreateTable(c)
	case "index":
		return j.mysqlCreateIndex(c, kind)
	case "view", "algorithm", "definer", "sql":
		rest := c.rest()
		c.at = len(c.tokens)
		if hasWord(rest, "procedure", "function", "trigger", "event") {
			return opaque("its body is not read")
		}
		if replaces {
			return ddl(Breaks, "the old code reads another view from now on, if it reads this one").instead("make a view of another name")
		}
		return ddl(Safe, "a new view")
	case "database", "schema", "user", "role":
		c.at = len(c.tokens)
		return ddl(Safe, "new; the old code does not know it")
	}
	return opaque("CREATE of something whose body is not read")
}

// mysqlOption applies ALGORITHM= and LOCK=, and knows the options of an index.
func (j *judge) mysqlOption(f *Finding, c *cursor) {
	for !c.done() {
		word := c.next().text
		c.symbol("=")
		value := strings.ToUpper(c.next().text)
		switch {
		case word == "algorithm" && value == copying:
			f.slow("the table is copied, and writes wait meanwhile", "leave out ALGORITHM=COPY")
			f.Algorithm = copying
		case word == "algorithm" && value == instant && f.Algorithm != instant && f.Algorithm != "":
			*f = fails("it cannot be done INSTANT by this version", "leave out ALGORITHM=INSTANT")
		case word == "lock" && (value == "SHARED" || value == "EXCLUSIVE"):
			f.slow("others wait, as LOCK="+value+" says", "LOCK=NONE")
		case word == "algorithm", word == "lock", word == "using", word == "comment", word == "key_block_size", word == "parser":
		case word == "visible", word == "invisible":
			c.at = max(0, c.at-1)
		default:
			*f = opaque("an option that is not understood: " + word)
			return
		}
	}
}

func (f *Finding) slow(why, safer string) {
	f.Class |= Slow
	f.because(why)
	f.Safer = safer
}
