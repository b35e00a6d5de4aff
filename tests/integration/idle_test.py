# SPDX-License-Identifier: Apache-2.0
"""What a hub pays for a link that is there and has nothing to say: its resident memory, measured from the second
hundred on, so that what is paid once is not counted. EDGESYNC_LINKS: how many (200).

    idle_test.py PROGRAMS [CASE...]"""

import os

from attack import EVERYWHERE
from fleet import Case, main, memory_kib
from websocket import Peer, client_context, frame, hello, subscribe

LINKS = int(os.environ.get("EDGESYNC_LINKS", "200"))
LINK_KIB_MAX = int(os.environ.get("EDGESYNC_LINK_KIB", "40"))  # a sanitizer needs more
WARM = 100


class Idle(Case):
    def member(self, hub, context, number):
        peer = Peer(hub.port, context)
        peer.send(frame(hello("full", f"edge-{number}"), subscribe(1, "fleet")))
        peer.receive()
        return peer

    def test_a_link_is_cheap(self):
        hub, context = self.serve("hub", *EVERYWHERE), client_context()
        peers = [self.member(hub, context, i) for i in range(WARM)]
        before = memory_kib(hub)
        peers += [self.member(hub, context, WARM + i) for i in range(LINKS)]
        each = (memory_kib(hub) - before) / LINKS
        print(f"  {LINKS} idle links over TLS: {each:.1f} KiB each", flush=True)
        for peer in peers:
            peer.socket.close()
        self.assertEqual(hub.finish(), 0)
        self.assertLess(each, LINK_KIB_MAX)


if __name__ == "__main__":
    main()
