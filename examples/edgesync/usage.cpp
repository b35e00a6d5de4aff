// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

namespace program {

std::string_view usage() noexcept {
  return R"(usage:
  edgesync serve  --db FILE --listen HOST:PORT [--name NAME] [--tls-cert F --tls-key F] [--client-ca F]
                  [--tokens FILE] [--access] [--uplink URL [--token T] [--key F] [--ca F]] [--config-root F]
                  [--health-window-ms N] [--insecure] [--stdin] [--otlp HOST:PORT [--otlp-scope S]]
                  [--project SCOPE=DIR]... [--fleet SCOPE] [--label KEY=VALUE]... [--audit [--audit-key F]]
                  [--limit NAME=VALUE]... [--backups DIR [--backup-minutes N]] [--config FILE] [--schema SCOPE=FILE]...
  edgesync shell  --db FILE [--name NAME] [--hub URL [--token T] [--key F] [--ca F]] [--config-root F]
                  [--health-window-ms N] [--insecure] [--otlp HOST:PORT [--otlp-scope S]]
                  [--project SCOPE=DIR]... [--fleet SCOPE] [--label KEY=VALUE]... [--audit [--audit-key F]]
                  [--listen HOST:PORT [--tls-cert F --tls-key F] [--client-ca F] [--tokens FILE] [--access]]
                  [--config FILE] [--schema SCOPE=FILE]...
  edgesync status --db FILE
  edgesync log    --db FILE [--scope S]
  edgesync diff   --db FILE --scope S V1 V2
  edgesync dump   --db FILE [--scope S]
  edgesync export --db FILE [--scope S]   what is in it, as requests that write it again
  edgesync import --db FILE       writes what export told, from stdin
  edgesync verify --db FILE       also repairs what the database can by itself
  edgesync salvage --db FILE      of one that cannot be read: set aside, what proves itself comes over
  edgesync quarantine [list] --db FILE [ID...]             what was set aside, and why
  edgesync quarantine export --db FILE [--to FILE] [ID...] all of it, as JSON lines
  edgesync quarantine replay --db FILE [ID...]             puts back what proves itself; the rest stays
  edgesync quarantine drop   --db FILE ID...               forgets it for good
  edgesync backup --db FILE --to FILE
  edgesync stream export    --db FILE --scope S [--format csv|jsonl] [--columns NAME,...] [--since T] [--until T]
  edgesync stream aggregate --db FILE --scope S [--columns NAME,...] [--since T] [--until T]
  edgesync stream consumers --db FILE --scope S                    who reads it, and how far each has come
  edgesync config keygen   --to KEYFILE   a secret key; its name, the public key, is told
  edgesync config root     --number N --root-keys M:KEY,... --publishers SCOPE=M:KEY,... --to FILE
  edgesync config sign     --key KEYFILE --to FILE --from FILE
  edgesync config sign     --key KEYFILE --to FILE --scope S --number N --content JSON|DIR [--note T] [--parent ID]
                           [--floor N] [--not-before T] [--expires T] [--min-library V]
  edgesync config publish  --db FILE --scope S --from FILE [--config-root F] [--schema S=FILE] [HUB]
  edgesync config publish  --db FILE --scope S --from DIR [--note T] [--schema S=FILE] [HUB]   its files
  edgesync config rollout start   --db FILE --scope S --from FILE|DIR --plan FILE [--note T] [HUB]   in waves
  edgesync config rollout status  --db FILE --scope S [--fleet SCOPE] [HUB]
  edgesync config rollout approve --db FILE --scope S WAVE [HUB]; and pause, resume, abort without WAVE
  edgesync config show     --from FILE    what a version or a root says, and who signed it
  edgesync config history  --db FILE --scope S
  edgesync config content  --db FILE --scope S V
  edgesync config diff     --db FILE --scope S V1 V2
  edgesync config rollback --db FILE --scope S V [--note T]
  edgesync config tag      --db FILE --scope S --name NAME V       names a version, and keeps it
  edgesync config untag    --db FILE --scope S --name NAME
  edgesync config pin      --db FILE --scope S V                   keeps it; unpin V: as long as there is room
  edgesync config uses     --db FILE --scope S [--at T]            what was in use when, who published it, and why
  edgesync keys new  --to KEYFILE; keys show --key KEYFILE         a device's secret key; its name, the public key
  edgesync enroll    --db FILE --device NAME --roles ROLE,... [--tenant T] --public-key KEY | --certificate [HUB]
  edgesync enroll    --db FILE --device NAME --roles ROLE,... [--tenant T] [--hours N] [HUB]   tells a code, good once
  edgesync revoke    --db FILE --device NAME | --public-key KEY [--note WHY] [HUB]
  edgesync acl       [list] --db FILE [HUB]                        what a hub with --access goes by
  edgesync acl allow --db FILE --role ROLE --rule "ro|own|rw state|config|stream|* SCOPE" [HUB]; and disallow
  edgesync audit     --db FILE [--public-key KEY]   what --audit kept, and whether it is whole and signed by this key
  edgesync --help | --version
HUB is --hub URL [--token T] [--key F --name NAME] [--ca F]: what is there counts, and it has what was said before the
program ends. Without it, FILE is the hub's own database.
M:KEY,... is any M of these keys; SCOPE a name, "prefix/*" or "*"; T is YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ.
With --json, or when stdout is not a terminal, every line is JSON. shell, and serve with --stdin, take one JSON request
per line on stdin. --otlp takes what OTLP/HTTP exporters on this machine send, as records of a stream. --project keeps
the active version of a config scope as files in a directory, all of which change at once. --schema names a file with
the JSON Schema of a config scope: no version that does not fit comes into use there, or is published. With --fleet a
node reports which versions it has in that stream, and a hub opens the waves of rollouts by what it reads there; --label
says what waves ask for. --config names a file of lines "option = value", such as "tls-cert = hub.pem" or "access =
yes"; what the environment says (EDGESYNC_TLS_CERT) counts before that, and the command line before both. On SIGHUP
serve reads its certificate, key and tokens again; on SIGTERM it sends its nodes away and ends. --backups keeps the
three newest copies of the database there, one every hour, and nodes keep their records until a copy has them: a hub
restored from it loses nothing. --limit is one of links, strangers, strangers-per-network, suspects-per-network,
refusals-per-network, refusals-per-name and incoming-bytes, or, as PER_SECOND/BURST, of arrivals, arrivals-per-network,
and frames and bytes of one link (edgesync/hub_limits.hpp). Each event has a level; --log-level says from which on they
are printed: debug (commits, too), info, warning or error. A RULE may have a quota, as in "rw:256M * gw/{name}/*", and
with "own" a device is believed of its own changes alone (edgesync/access.hpp). A plaintext listener or ws:// URL needs
--insecure and a loopback address.
Exit code: 0 done (verify: sound), 1 failed (verify: damaged), 2 wrong usage, 3 verify: it was damaged, and is repaired.
)";
}

}  // namespace program
