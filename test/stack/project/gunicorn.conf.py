# The number of workers comes from WEB_CONCURRENCY, the address from the
# command line.
accesslog = None
graceful_timeout = 30
keepalive = 5
# Loaded once and shared by the workers: less memory, and nothing listens
# before the application is there.
preload_app = True
