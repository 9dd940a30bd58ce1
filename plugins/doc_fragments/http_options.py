# Copyright: (c) 2026, rlops.autoscale contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How actions ask over HTTP; see HTTP_SPEC in module_utils/_snapshot_spec.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  http:
    description:
      - How instances, and Prometheus, are asked.
      - Proxies, C(.netrc) and CA bundles that the environment names are not used.
    type: dict
    suboptions:
      timeout:
        description:
          - Seconds until an answer has to be complete, however slowly it comes.
          - All instances are asked at once, so this is also about how long one scrape takes when some do not answer.
        type: float
        default: 5.0
      max_bytes:
        description: Size in bytes, after decompression, above which a page is refused.
        type: int
        default: 5000000
      concurrency:
        description: Largest number of instances asked at a time. Should be above the number that may be dead at once.
        type: int
        default: 256
      follow_redirects:
        description:
          - V(same_origin) follows a redirect that stays at scheme, host and port.
          - V(all) follows any; credentials and O(http.headers) go to the first host only.
          - V(none) follows no redirect.
        type: str
        choices: [none, same_origin, all]
        default: same_origin
      username:
        description: User for basic authentication.
        type: str
      password:
        description: Password of the user.
        type: str
      token:
        description: Bearer token. Excludes O(http.username).
        type: str
      headers:
        description: Further headers. Their values are treated as secrets.
        type: dict
      validate_certs:
        description: Whether the certificates of HTTPS servers are verified.
        type: bool
        default: true
      ca_path:
        description: File or directory of the certificate authorities to trust, in place of the system's.
        type: path
      client_cert:
        description: Certificate to show to the server, as a PEM file. It may hold the key too.
        type: path
      client_key:
        description: Key of the certificate, as a PEM file without a passphrase.
        type: path
"""
