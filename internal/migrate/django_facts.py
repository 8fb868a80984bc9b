import base64, json, zlib
from django.apps import apps
from django.db import connection, router


def columns(model):
    for field in model._meta.local_concrete_fields:
        try:
            kind = field.db_type(connection)
        except Exception:
            kind = None
        yield {"name": field.column, "null": field.null, "type": kind}


def models():
    for model in apps.get_models(include_auto_created=True):
        options = model._meta
        if options.proxy or options.swapped or not options.local_concrete_fields:
            continue
        if not router.allow_migrate_model(connection.alias, model):
            continue
        table = options.db_table.replace('"', "")
        yield {"label": options.label, "table": table, "columns": list(columns(model))}


def flat(operations):
    for operation in operations:
        inner = getattr(operation, "database_operations", None)
        if inner is None:
            yield operation
        else:
            yield from flat(inner)


def due(with_sql):
    from django.db.migrations.executor import MigrationExecutor
    from django.db.migrations.operations import RunPython

    executor = MigrationExecutor(connection)
    for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes()):
        sql = None
        if with_sql:
            collect = getattr(executor.loader, "collect_sql", None) or executor.collect_sql
            try:
                sql = "\n".join(str(line) for line in collect([(migration, False)]))
            except Exception:
                pass
        yield {
            "name": migration.app_label + "/" + migration.name,
            "atomic": bool(migration.atomic),
            "sql": sql,
            "operations": [
                {
                    "kind": type(operation).__name__,
                    "text": str(operation.describe()),
                    "reversible": bool(operation.reversible),
                    "code": isinstance(operation, RunPython) or not type(operation).__module__.startswith("django."),
                }
                for operation in flat(migration.operations)
            ],
        }


settings = connection.settings_dict
answer = {
    "connection": {
        "vendor": connection.vendor,
        "host": str(settings.get("HOST") or ""),
        "port": str(settings.get("PORT") or ""),
        "name": str(settings.get("NAME") or ""),
    },
    "models": list(models()),
    "due": [] if want == "models" else list(due(want == "sql")),
}
text = base64.b64encode(zlib.compress(json.dumps(answer).encode())).decode()
for at in range(0, len(text), 3000):
    print("gapless-facts:" + text[at : at + 3000], flush=True)
