"""Registers the table's nodes with a running vbmcd, as their owner would: one manifest, `vbmcctl apply`."""


def manifest_of(node):
    lines = [
        f"- name: {node.name}",
        f'  address: "{node.address}"',
        f"  port: {node.port}",
        "  backend:",
        "    kind: sim",
    ]
    if node.options:
        lines.append("    options:")
        lines += [f'      {key}: "{value}"' for key, value in node.options]
    lines.append("  users:")
    for login in node.logins:
        lines += [
            f"  - name: {login.name}",
            f"    password-file: {login.name}.pw",
            f"    privilege: {login.privilege}",
        ]
    if node.suites or node.ipmi15:
        lines.append("  policy:")
    if node.suites:
        lines.append(f"    cipher-suites: [{', '.join(map(str, node.suites))}]")
    if node.ipmi15:
        lines.append("    ipmi15: true")
    return "\n".join(lines) + "\n"


def write_secret(path, content):
    path.touch(mode=0o600)
    path.write_bytes(content)


def add_nodes(daemon, nodes):
    """Also leaves USER.pw, which clients read as well, in the daemon's folder."""
    for login in {login for node in nodes for login in node.logins}:
        write_secret(daemon.folder / f"{login.name}.pw", login.password.encode())
    manifest = daemon.folder / "nodes.yaml"
    manifest.write_text("nodes:\n" + "".join(map(manifest_of, nodes)))
    daemon.ctl("apply", "-f", manifest)
    for node in nodes:
        if node.kg:
            write_secret(daemon.folder / f"{node.name}.kg", node.kg)
            daemon.ctl("set", node.name, "--kg-file", daemon.folder / f"{node.name}.kg")
