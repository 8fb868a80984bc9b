package change

import (
	"path"
	"slices"
	"strings"
)

// dependencyFiles name and lock what a program is built with.
var dependencyFiles = strings.Fields(`
	Pipfile Pipfile.lock pyproject.toml poetry.lock uv.lock pdm.lock setup.cfg environment.yml environment.yaml conda-lock.yml constraints.txt
	package.json package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml pnpm-workspace.yaml bun.lock bun.lockb deno.lock
	Gemfile Gemfile.lock .ruby-version composer.json composer.lock go.mod go.sum go.work go.work.sum Cargo.toml Cargo.lock
	mix.exs mix.lock pom.xml build.gradle build.gradle.kts gradle.lockfile libs.versions.toml packages.lock.json Directory.Packages.props`)

// staticFolders are where files lie that a front or a browser gets as they
// are; staticTypes are what those files are. Programs lie there too.
var (
	staticFolders = []string{"static", "public", "assets"}
	staticTypes   = strings.Fields(`.css .scss .sass .less .js .mjs .map .png .jpg .jpeg .gif .svg .webp .avif .ico .bmp
		.woff .woff2 .ttf .otf .eot .mp3 .mp4 .webm .pdf .txt .webmanifest .xml`)
)

// dockerfilePath is where the Dockerfile lies unless the build says otherwise.
const dockerfilePath = "Dockerfile"

// partOf sorts a file by its path, which is relative and has slashes.
func partOf(file string) Part {
	base, folders := path.Base(file), strings.Split(path.Dir(file), "/")
	switch {
	case migrationName(file) != "":
		return PartMigrations
	case base == "Containerfile" || base == ".dockerignore" || base == dockerfilePath ||
		strings.HasPrefix(base, "Dockerfile.") || strings.HasSuffix(base, ".Dockerfile") || strings.HasSuffix(base, ".dockerignore"):
		return PartDocker
	case slices.Contains(dependencyFiles, base) || isRequirements(base, folders):
		return PartDependencies
	case slices.Contains(staticTypes, strings.ToLower(path.Ext(base))) && containsAny(folders, staticFolders):
		return PartStatic
	}
	return PartCode
}

func isRequirements(base string, folders []string) bool {
	isText := strings.HasSuffix(base, ".txt") || strings.HasSuffix(base, ".in")
	return isText && (strings.HasPrefix(base, "requirements") || folders[len(folders)-1] == "requirements") || strings.HasSuffix(base, ".csproj")
}

func containsAny(folders, wanted []string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return slices.Contains(wanted, folder) })
}

// migrationTypes are the languages that migrations are written in.
var migrationTypes = []string{".py", ".sql", ".rb", ".php", ".js", ".ts", ".go"}

// notMigrations lie beside migrations: packages, Alembic's environment and tests.
var notMigrations = []string{"__init__", "env", "embed", "migrations", "index"}

// migrationName names the migration that a file holds, by the folders of
// Django, Alembic, Rails, Laravel, Prisma, goose and others; empty for any
// other file.
func migrationName(file string) string {
	name, extension := strings.TrimSuffix(path.Base(file), path.Ext(file)), path.Ext(file)
	if !slices.Contains(migrationTypes, extension) || slices.Contains(notMigrations, name) || strings.HasPrefix(name, "test") || strings.HasSuffix(name, "_test") {
		return ""
	}
	folders := strings.Split(path.Dir(file), "/")
	last, before := folders[len(folders)-1], ""
	if len(folders) > 1 {
		before = folders[len(folders)-2]
	}
	switch {
	case last == "versions" && (before == "alembic" || before == "migrations"),
		last == "migrate" && before == "db",
		last == "migrations" && (before == "" || before == "db" || before == "database" || extension != ".py"):
		return withoutDirection(name)
	case last == "migrations":
		return before + "/" + name
	case before == "migrations" && name == "migration" && extension == ".sql":
		return last
	}
	return ""
}

// withoutDirection makes one name of the two files of a migration that can be
// undone.
func withoutDirection(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, ".up"), ".down")
}
