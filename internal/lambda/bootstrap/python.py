"""The Python end of Lambda's Runtime API: asks for an event, calls the handler,
posts what it answers. Arguments: the module's path and the function's name.

Shapes of contexts and errors follow AWS's Python runtime ("Using the Lambda
context object to retrieve Python function information", "Lambda function
errors in Python").
"""

import importlib
import json
import logging
import os
import socket
import sys
import time
import traceback

API = "/2018-06-01/runtime"
BOOTSTRAP = os.path.abspath(__file__)


class Runtime:
    """One connection to the Runtime API. The standard library's own client takes
    a quarter of the interpreter's start to import, which every save waits for."""

    def __init__(self, address):
        self.host, _, root = address.partition("/")
        self.api = "/" + root + API
        host, port = self.host.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def call(self, method, path, body=b"", headers=None):
        """Gives the status, the headers by their names in small letters, and the body."""
        head = "%s %s%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n" % (method, self.api, path, self.host, len(body))
        for name, value in (headers or {}).items():
            head += "%s: %s\r\n" % (name, "".join(c if " " <= c <= "~" else "?" for c in value))
        self.socket.sendall(head.encode("ascii") + b"\r\n" + body)
        status = self.reader.readline().split()
        if len(status) < 2:
            sys.exit(1)  # The other end has gone, and so is everything here.
        answered = {}
        for line in iter(self.reader.readline, b"\r\n"):
            if not line:
                sys.exit(1)
            name, _, value = line.decode("latin-1").partition(":")
            answered[name.lower()] = value.strip()
        length = int(answered.get("content-length", 0))
        body = self.reader.read(length)
        if len(body) < length:
            sys.exit(1)  # The first digits of a number are a number too.
        return int(status[1]), answered, body

    def error(self, path, shape):
        self.call("POST", path, dump(shape), {"Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": shape["errorType"]})


class Fault(Exception):
    """A failure to load the handler, with the name that AWS gives it."""

    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind, self.message, self.trace = kind, message, list(trace)


class Identity:
    def __init__(self, identity):
        self.cognito_identity_id = identity.get("cognitoIdentityId")
        self.cognito_identity_pool_id = identity.get("cognitoIdentityPoolId")


class Context:
    """The context object of an invocation."""

    def __init__(self, headers):
        self._deadline = int(headers["lambda-runtime-deadline-ms"])
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers["lambda-runtime-invoked-function-arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = Identity(json.loads(headers.get("lambda-runtime-cognito-identity") or "{}"))
        client = headers.get("lambda-runtime-client-context")
        self.client_context = json.loads(client) if client else None
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline - int(time.time() * 1000))

    def log(self, message):
        sys.stdout.write(str(message))


class LogFilter(logging.Filter):
    """Gives each record the request id that the format names."""

    request_id = ""

    def filter(self, record):
        record.aws_request_id = LogFilter.request_id
        return True


def dump(value):
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def set_up_logging():
    """The root logger has a handler on AWS, so that setting a level is enough."""
    handler = logging.StreamHandler(sys.stdout)
    formatter = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(LogFilter())
    logging.getLogger().addHandler(handler)


def load(module, function):
    try:
        loaded = importlib.import_module(module.replace("/", "."))
    except ImportError as e:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module, e), user_trace(e))
    except SyntaxError as e:
        trace = ['  File "%s" Line %s\n    %s' % (e.filename, e.lineno, e.text)]
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module, e), trace)
    if not hasattr(loaded, function):
        raise Fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function, module))
    return getattr(loaded, function)


def user_trace(error):
    """The traceback without the frames that are ours or the import system's."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = (BOOTSTRAP, importlib.__file__)
    return traceback.format_list([f for f in frames if f.filename not in ours and not f.filename.startswith("<frozen ")])


def describe(error, request_id):
    if isinstance(error, Fault):
        kind, message, trace = error.kind, error.message, error.trace
    else:
        kind, message, trace = type(error).__name__, str(error), user_trace(error)
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace}


def log_error(shape):
    trace = "\nTraceback (most recent call last):\n" + "".join(shape["stackTrace"]) if shape["stackTrace"] else ""
    print("[ERROR] %s: %s%s" % (shape["errorType"], shape["errorMessage"], trace.rstrip("\n")))


def flush():
    sys.stdout.flush()
    sys.stderr.flush()


def serve(runtime, handler):
    while True:
        status, headers, body = runtime.call("GET", "/invocation/next")
        if status != 200:
            sys.exit(1)
        request_id = headers["lambda-runtime-aws-request-id"]
        LogFilter.request_id = request_id
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("lambda-runtime-trace-id", "")
        path = "/invocation/%s/" % request_id
        try:
            event = json.loads(body)
            answer = handler(event, Context(headers))
            try:
                answer = dump(answer)
            except (TypeError, ValueError) as e:
                raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % e)
        except Exception as e:
            shape = describe(e, request_id)
            log_error(shape)
            flush()
            runtime.error(path + "error", shape)
            continue
        flush()
        runtime.call("POST", path + "response", answer, {"Content-Type": "application/json"})


def main():
    module, function = sys.argv[1:3]
    del sys.argv[1:]
    sys.dont_write_bytecode = True
    sys.stdout.reconfigure(line_buffering=True)
    sys.path[0] = os.environ["LAMBDA_TASK_ROOT"]
    set_up_logging()
    runtime = Runtime(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load(module, function)
    except Exception as e:
        shape = describe(e, "")
        log_error(shape)
        flush()
        runtime.error("/init/error", shape)
        sys.exit(1)
    serve(runtime, handler)


main()
