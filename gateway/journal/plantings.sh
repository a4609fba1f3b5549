#!/usr/bin/env bash
# Every proof was seen red: plants one fault at a time in a copy of the house and expects the named tests to fail.
# A line is: file, sed expression, tests. Run from anywhere; prints a line a planting and fails if one stays green.
set -u
here=$(cd "$(dirname "$0")" && pwd); house=$(cd "$here/../.." && pwd)
copy=$(mktemp -d); trap 'rm -rf "$copy"' EXIT
(cd "$house" && git ls-files -z && git ls-files -zo --exclude-standard) | (cd "$house" && xargs -0 cp --parents -t "$copy")
cd "$copy" || exit 1
green=0; planted=0
plant() { # what, file, sed, tests
  local file="gateway/journal/src/$2" keep; keep=$(mktemp)
  cp "$file" "$keep"; sed -i -E "$3" "$file"
  if cmp -s "$file" "$keep"; then echo "NOT PLANTED  $1"; green=1; return; fi
  planted=$((planted + 1))
  if ! cargo test -q -p sluis-journal --no-run >/dev/null 2>&1; then echo "NO BUILD     $1"; green=1
  elif timeout 300 cargo test -q -p sluis-journal --lib -- "$4" >/dev/null 2>&1; then echo "STAYED GREEN $1"; green=1
  else echo "seen red     $1"; fi
  cp "$keep" "$file"; rm "$keep"
}
plant "a batch is not synced"                    store.rs   '/file.write_at\(&batch/{n;s/file.sync\(\)\?;//}' power::power
plant "a batch's failed sync is ignored"         store.rs   '/file.write_at\(&batch/{n;s/file.sync\(\)\?;/drop(file.sync());/}' power::each
plant "a new segment's name is not synced"       store.rs   's/self.port.sync_folder\(&self.folder\)\?;//' power::power
plant "tiles are not synced before a segment"    journal.rs 's/self.tiles.sync\(\)\?;$//' power::power
plant "the writer goes on after an error"        writer.rs  '/self.serve\(jobs\).is_err\(\)/{n;s/return;//}' power::each
plant "answers leave before the commit"          writer.rs  's/batch.entered.push\(\(Placed \{ records, holdings \}, entry.apply, reply\)\);/reply.send(Ok(Placed { records, holdings }));/' power::power
plant "conditions are not judged"                writer.rs  's/Verdict::Reject\(why\) = condition\(Next \{ record, holding \}\)/Verdict::Reject(why) = Verdict::Enter.min_of(condition(Next { record, holding }))/; $a impl Verdict { fn min_of(self, _: Verdict) -> Verdict { self } }' log::a_c
plant "frames are not checked"                   frame.rs   's/payload.len\(\) == self.length \&\& check.*/payload.len() == self.length/' tamper::every
plant "the reserved tail may hold anything"      verify.rs  's/return Err\(Finding::new\(scan.next, &file, fault\)\);/drop(fault);/' tamper::every
plant "sealed roots are not compared"            verify.rs  's/\.filter\(\|\(sealed, _\)\| \*sealed == root\)/.filter(|_| root == root)/' tamper::a_forger_who_has
plant "leaves are not held against the tiles"    verify.rs  's/is_some_and\(\|tile\| tile != leaf\)/is_some_and(|_| false)/' tamper::every
plant "upper tiles are not compared"             verify.rs  's/stored != made\)/stored != stored)/' tamper::a_flipped
plant "checkpoints ahead of the tree are passed" verify.rs  's/self.milestones.push\(Milestone \{ size, root: head.root.*//' tamper::a_journal_cut
plant "an older checkpoint is not compared"      verify.rs  's/milestone.root != root/false/' tamper::a_folder
plant "seals' signatures are not checked"        verify.rs  's/if signed \{ Ok/if signed || true { Ok/' log::a_retired
plant "strays are welcome"                       verify.rs  's/check.strays\(port.*//' tamper::whole
plant "a checkpoint file ahead is opened"        journal.rs 's/earlier.size > head.size/false/' tamper::a_cut
plant "nodes are hashed without their prefix"    tree.rs    's/digest\(&\[&\[1\], /digest(\&[/' tree::
plant "note signatures are not checked"          note.rs    's/verify\(text.as_bytes\(\), signature\).is_ok\(\)/verify(text.as_bytes(), signature).is_ok() || true/' note::
plant "the lock is not asked"                    port.rs    's/Err\(TryLockError::WouldBlock\) => Ok\(None\)/Err(TryLockError::WouldBlock) => Ok(Some(Box::new(file)))/' log::a_second
echo "$planted planted"
exit $green
