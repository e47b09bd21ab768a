"""vbmcd's gRPC API from Python: stubs made from proto/ at test time, and errors in readable form."""

import contextlib
import importlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import google
import grpc

ROOT = Path(__file__).resolve().parents[2]
SUBJECTS = "backends console events nodes power sel sensors server sessions users".split()


def generate(folder):
    """Messages and stubs of everything in proto/."""
    protos = [str(path) for path in sorted((ROOT / "proto").rglob("*.proto"))]
    subprocess.run(
        [
            "protoc",
            f"-I{ROOT / 'proto'}",
            f"--python_out={folder}",
            f"--grpc_python_out={folder}",
            f"--plugin=protoc-gen-grpc_python={shutil.which('grpc_python_plugin')}",
            *protos,
        ],
        check=True,
    )


def load():
    """Generates into a temporary folder and imports; the modules by subject ("nodes", "rpc_status")."""
    with tempfile.TemporaryDirectory(prefix="vbmc-stubs-") as folder:
        generate(folder)
        sys.path.insert(0, folder)
        google.__path__.append(str(Path(folder) / "google"))  # google.rpc beside google.protobuf
        modules = {}
        for subject in SUBJECTS:
            modules[subject] = importlib.import_module(f"vbmc.v1.{subject}_pb2")
            modules[subject + "_grpc"] = importlib.import_module(f"vbmc.v1.{subject}_pb2_grpc")
        modules["rpc_status"] = importlib.import_module("google.rpc.status_pb2")
        modules["rpc_details"] = importlib.import_module("google.rpc.error_details_pb2")
        sys.path.remove(folder)
    return modules


_modules = load()


def module(name):
    return _modules[name]


class Failure:
    """What a google.rpc.Status says, as plain values."""

    def __init__(self, status):
        details = module("rpc_details")
        self.code = next(code.name for code in grpc.StatusCode if code.value[0] == status.code)
        self.message = status.message
        self.reason = ""
        self.domain = ""
        self.metadata = {}
        self.fields = []
        self.resource = None
        self.retry = None
        for detail in status.details:
            name = detail.TypeName()
            if name == "google.rpc.ErrorInfo":
                info = details.ErrorInfo.FromString(detail.value)
                self.reason, self.domain, self.metadata = info.reason, info.domain, dict(info.metadata)
            elif name == "google.rpc.BadRequest":
                bad = details.BadRequest.FromString(detail.value)
                self.fields = [violation.field for violation in bad.field_violations]
            elif name == "google.rpc.ResourceInfo":
                self.resource = details.ResourceInfo.FromString(detail.value)
            elif name == "google.rpc.RetryInfo":
                self.retry = details.RetryInfo.FromString(detail.value)

    def __repr__(self):
        return f"{self.code} {self.reason} {self.fields}: {self.message}"


def failure(error):
    """Of a raised RpcError; its details, or at least its code."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return Failure(module("rpc_status").Status.FromString(value))
    bare = module("rpc_status").Status(code=error.code().value[0], message=error.details() or "")
    return Failure(bare)


@contextlib.contextmanager
def fails(code, reason=None, field=None):
    """The block has to raise this error; yields an object whose .failure is filled then."""

    class Seen:
        failure = None

    seen = Seen()
    try:
        yield seen
    except grpc.RpcError as error:
        seen.failure = failure(error)
        assert seen.failure.code == code, seen.failure
        assert reason is None or seen.failure.reason == reason, seen.failure
        assert field is None or field in seen.failure.fields, seen.failure
        return
    raise AssertionError(f"no error, expected {code} {reason or ''}")


class Api:
    """All services over one channel: api.nodes.GetNode(api.pb.nodes.GetNodeRequest(...))."""

    def __init__(self, channel):
        self.channel = channel
        for subject in SUBJECTS:
            stubs = module(subject + "_grpc")
            name = next(item for item in dir(stubs) if item.endswith("ServiceStub"))
            setattr(self, subject, getattr(stubs, name)(channel))

    def close(self):
        self.channel.close()

    # The calls that most tests make.

    def create(self, name, options=None, **fields):
        nodes = module("nodes")
        users = fields.pop("users", ())
        validate_only = fields.pop("validate_only", False)
        node = nodes.Node(name=name, **fields)
        if not node.targets:
            node.targets.add(kind="sim", options=options or {})
        request = nodes.CreateNodeRequest(node=node, users=users, validate_only=validate_only)
        return self.nodes.CreateNode(request)

    def get(self, name):
        return self.nodes.GetNode(module("nodes").GetNodeRequest(name=name))

    def list(self, **fields):
        return self.nodes.ListNodes(module("nodes").ListNodesRequest(**fields))

    def names(self, filter=""):
        return [node.name for node in self.list(filter=filter).nodes]

    def update(self, name, paths=(), validate_only=False, **fields):
        request = module("nodes").UpdateNodeRequest(validate_only=validate_only)
        request.node.MergeFrom(module("nodes").Node(name=name, **fields))
        request.update_mask.paths.extend(paths)
        return self.nodes.UpdateNode(request)

    def delete(self, name, **fields):
        return self.nodes.DeleteNode(module("nodes").DeleteNodeRequest(name=name, **fields))

    def batch(self, names=(), filter="", parallelism=0, **verb):
        """(total, {name: result}, summary)"""
        request = module("nodes").BatchNodesRequest(
            names=names, filter=filter, parallelism=parallelism, **verb
        )
        total, results, summary = None, {}, None
        for part in self.nodes.BatchNodes(request):
            if part.HasField("begin"):
                total = part.begin.total
            elif part.HasField("summary"):
                summary = part.summary
            else:
                results[part.result.name] = part.result
        return total, results, summary

    def apply(self, items, end=True, **header):
        """([results], summary)"""
        nodes = module("nodes")

        def parts():
            yield nodes.ApplyNodesRequest(header=nodes.ApplyHeader(**header))
            for number, item in enumerate(items, 1):
                item.id = number
                yield nodes.ApplyNodesRequest(item=item)
            if end:
                yield nodes.ApplyNodesRequest(end=nodes.ApplyEnd(items=len(items)))

        results, summary = [], None
        for part in self.nodes.ApplyNodes(parts()):
            if part.HasField("summary"):
                summary = part.summary
            else:
                results.append(part.result)
        return results, summary


def connect(path):
    return Api(grpc.insecure_channel(f"unix:{path}", options=[("grpc.use_local_subchannel_pool", 1)]))
