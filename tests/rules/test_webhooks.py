import hashlib
import hmac
import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reservation.rules import webhooks
from reservation.rules.errors import Invalid

NOW = datetime(2030, 1, 1, tzinfo=UTC)


class TestParseUrl:
    @pytest.mark.parametrize(
        ("url", "host", "port", "path", "host_header"),
        [
            ("https://example.org", "example.org", 443, "/", "example.org"),
            ("https://Example.ORG:443/a%20b?c=d&e", "example.org", 443, "/a%20b?c=d&e", "example.org"),
            ("http://example.org:8080/", "example.org", 8080, "/", "example.org:8080"),
            ("http://my_host-1.example.org", "my_host-1.example.org", 80, "/", "my_host-1.example.org"),
            ("https://1.2.3.4/?a", "1.2.3.4", 443, "/?a", "1.2.3.4"),
            ("https://[2606:4700::1]:8443/", "2606:4700::1", 8443, "/", "[2606:4700::1]:8443"),
            ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ],
    )
    def test_takes_a_url_apart(self, url, host, port, path, host_header):
        target = webhooks.parse_url(url)

        assert (target.host, target.port, target.path) == (host, port, path)
        assert target.host_header == host_header

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "example.org",
            "//example.org/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "https://",
            "https:///path",
            "https://example.org:0/",
            "https://example.org:65536/",
            "https://example.org:port/",
            "https://user@example.org/",
            "https://user:secret@example.org/",
            "https://@example.org/",
            "https://example.org/#part",
            "https://example.org/#",
            "https://[::1/",
            "https://[example.org]/",
            "https://[fe80::1%25eth0]/",
            "https://exa mple.org/",
            "https://example.org/\n",
            "https://example.org/\r\nHost: other",
            "https://example.org\\@other.org/",
            "https://bücher.example/",
            "https://example..org/",
            "https://example.org./",
            "https://-example.org/",
            "https://2130706433/",
            "https://127.1/",
            "https://0x7f.0.0.1/",
            "https://0x7f000001/",
            "https://1.2.3.4.5/",
            "https://256.1.1.1/",
            "https://010.0.0.1/",
            f"https://{'a' * 64}.org/",
            f"https://{'a.' * 127}org/",
            f"https://example.org/{'a' * 500}",
        ],
    )
    def test_refuses_what_is_unusual(self, url):
        with pytest.raises(Invalid) as refused:
            webhooks.parse_url(url)

        assert refused.value.path == ("url",)


class TestCheckUrl:
    def test_gives_a_public_https_url_back(self):
        url = "https://example.org/hooks"

        assert webhooks.check_url(url, allow_http=False, allow_private=False) == url

    def test_allows_http_only_where_told(self):
        assert webhooks.check_url("http://example.org/", allow_http=True, allow_private=False)
        with pytest.raises(Invalid, match="https://"):
            webhooks.check_url("http://example.org/", allow_http=False, allow_private=False)

    @pytest.mark.parametrize(
        "host",
        [
            "localhost",
            "a.localhost",
            "intranet",
            "127.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "[::1]",
            "[fe80::1]",
        ],
    )
    def test_allows_private_hosts_only_where_told(self, host):
        url = f"https://{host}/"

        assert webhooks.check_url(url, allow_http=False, allow_private=True) == url
        with pytest.raises(Invalid, match="public"):
            webhooks.check_url(url, allow_http=False, allow_private=False)


class TestCheckKinds:
    def test_gives_each_once_in_one_order(self):
        kinds = ["waitlist.offered", "reservation.held", "waitlist.offered"]

        assert webhooks.check_kinds(kinds) == ["reservation.held", "waitlist.offered"]

    @pytest.mark.parametrize("kinds", [[], ["reservation.opened"], ["reservation.held", "*"]])
    def test_refuses_none_and_unknown_ones(self, kinds):
        with pytest.raises(Invalid) as refused:
            webhooks.check_kinds(kinds)

        assert refused.value.path == ("kinds",)


class TestIsPublicAddress:
    @given(st.ip_addresses(v=4))
    def test_an_address_behind_nat64_is_as_public_as_itself(self, address):
        translated = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(address))

        assert webhooks.is_public_address(str(translated)) == webhooks.is_public_address(str(address))

    @given(st.ip_addresses(v=4))
    def test_an_ipv4_address_in_disguise_is_not_public(self, address):
        number = int(address)
        disguises = [number, 0xFFFF << 32 | number, 0x2002 << 112 | number << 80, 0x20010000 << 96 | number]

        assert not any(webhooks.is_public_address(str(ipaddress.IPv6Address(each))) for each in disguises)

    @given(st.ip_addresses())
    def test_a_public_address_is_none_of_the_other_sorts(self, address):
        if webhooks.is_public_address(str(address)):
            assert not address.is_private
            assert not address.is_loopback
            assert not address.is_link_local
            assert not address.is_multicast
            assert not address.is_unspecified


class TestSign:
    def test_signs_the_time_and_the_body_with_the_secret(self):
        digest = hmac.new(b"secret", b'1893456000.{"a":1}', hashlib.sha256).hexdigest()

        assert webhooks.sign(b'{"a":1}', secret="secret", at=NOW) == f"t=1893456000,v1={digest}"


class TestRetryAt:
    def test_waits_twice_as_long_each_time_up_to_four_hours_for_a_day(self):
        at, delays = NOW, []
        while (again_at := webhooks.retry_at(attempts=len(delays) + 1, created_at=NOW, now=at)) is not None:
            delays.append(int((again_at - at).total_seconds()))
            at = again_at

        assert delays[:11] == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10240]
        assert delays[11:] == [14400, 14400, 14400, 14400]
        assert at - NOW < timedelta(hours=24) < at - NOW + timedelta(hours=4)

    def test_tries_until_the_24th_hour_and_not_past_it(self):
        last = NOW + timedelta(hours=24) - timedelta(seconds=10)

        assert webhooks.retry_at(attempts=1, created_at=NOW, now=last) == NOW + timedelta(hours=24)
        assert webhooks.retry_at(attempts=1, created_at=NOW, now=last + timedelta(seconds=1)) is None

    def test_bears_any_number_of_attempts(self):
        assert webhooks.retry_at(attempts=32_767, created_at=NOW, now=NOW) == NOW + timedelta(hours=4)
