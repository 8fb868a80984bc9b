package project

import (
	"path"
	"slices"
	"strings"
)

// databases are the image names of services that own data and that only one
// process may open.
var databases = words(`postgres postgresql postgis pgvector timescaledb timescale citus cockroach cockroachdb
	mysql mariadb percona mongo mongodb redis valkey keydb dragonfly dragonflydb memcached rabbitmq nats kafka
	redpanda zookeeper pulsar activemq artemis emqx mosquitto elasticsearch opensearch solr meilisearch typesense
	qdrant weaviate milvus chroma minio seaweedfs clickhouse cassandra scylla influxdb questdb neo4j arangodb
	couchdb couchbase rethinkdb surrealdb tidb mssql oracle db2 firebird etcd consul vault garage rqlite immudb`)

// databaseQualifiers may follow a database's name without making it something
// else: redis-stack is a redis, redis-commander is not.
var databaseQualifiers = words(`alpine slim debian ubuntu stack server ha cluster galera repmgr replica sharded community
	enterprise ee ce oss edition single node standalone sentinel bitnami db database latest management tools plus
	legacy container images image free express-edition cloudpirates`)

var fronts = words(`nginx caddy traefik haproxy envoy httpd apache apache2 openresty nginx-proxy swag
	nginx-proxy-manager caddy-docker-proxy angie`)

func words(list string) []string { return strings.Fields(list) }

// repository returns the last part of an image reference without tag and
// digest: "registry:5000/bitnami/redis:8" is "redis".
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image = path.Base(image)
	image, _, _ = strings.Cut(image, ":")
	return strings.ToLower(image)
}

// databaseOf returns the database that an image runs, "" when it runs none.
func databaseOf(image string) string {
	if strings.Contains(strings.ToLower(image), "mssql/server") {
		return "mssql"
	}
	name := repository(image)
	if slices.Contains(databases, name) {
		return name
	}
	parts := strings.FieldsFunc(name, func(char rune) bool { return strings.ContainsRune("-_.", char) })
	found := ""
	for _, part := range parts {
		part = strings.TrimRight(part, "0123456789")
		switch {
		case part == "":
		case slices.Contains(databases, part):
			found = part
		case !slices.Contains(databaseQualifiers, part):
			return ""
		}
	}
	return found
}

// frontOf returns the reverse proxy that an image runs, "" when it runs none.
func frontOf(image string) string {
	name := repository(image)
	if slices.Contains(fronts, name) {
		return name
	}
	name, _, _ = strings.Cut(name, "-unprivileged")
	if slices.Contains(fronts, name) {
		return name
	}
	return ""
}

// dataDirectories are where databases keep their files in the official images;
// a volume there tells what a self-built image runs.
var dataDirectories = map[string]string{
	"/var/lib/postgresql":           "postgres",
	"/var/lib/postgresql/data":      "postgres",
	"/var/lib/mysql":                "mysql",
	"/data/db":                      "mongo",
	"/var/lib/rabbitmq":             "rabbitmq",
	"/usr/share/elasticsearch/data": "elasticsearch",
	"/var/lib/clickhouse":           "clickhouse",
	"/var/lib/cassandra":            "cassandra",
	"/var/lib/influxdb":             "influxdb",
	"/var/lib/influxdb2":            "influxdb",
	"/bitnami/postgresql":           "postgresql",
	"/bitnami/mysql":                "mysql",
	"/bitnami/mariadb":              "mariadb",
	"/bitnami/mongodb":              "mongodb",
	"/bitnami/redis":                "redis",
}
