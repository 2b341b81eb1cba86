import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermodr_servicekit.guard.targets import Refused, read_target

GOOD = {
    "https://example.com": ("example.com", 443, "/", "example.com"),
    "HTTPS://EXAMPLE.com/Hooks?key=A%20b&x=y#part": (
        "example.com",
        443,
        "/Hooks?key=A%20b&x=y",
        "example.com",
    ),
    "https://example.com?x": ("example.com", 443, "/?x", "example.com"),
    "https://example.com:443/": ("example.com", 443, "/", "example.com"),
    "https://example.com:8443/a": ("example.com", 8443, "/a", "example.com:8443"),
    "http://10.0.0.1:8080/hook": ("10.0.0.1", 8080, "/hook", "10.0.0.1:8080"),
    "https://[2606:4700::1]:8443/": ("2606:4700::1", 8443, "/", "[2606:4700::1]:8443"),
    "https://[2606:4700:0:0::1]/": ("2606:4700::1", 443, "/", "[2606:4700::1]"),
    "https://bücher.example/ä?ü=ß": (
        "xn--bcher-kva.example",
        443,
        "/%C3%A4?%C3%BC=%C3%9F",
        "xn--bcher-kva.example",
    ),
    "https://my_hooks.example-site.com/..//x": (
        "my_hooks.example-site.com",
        443,
        "/..//x",
        "my_hooks.example-site.com",
    ),
    "https://localhost/": ("localhost", 443, "/", "localhost"),
    "https://1.2.3.4.example/": ("1.2.3.4.example", 443, "/", "1.2.3.4.example"),
    "https://xn--bcher-kva.example/": ("xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
}
HOSTILE = {
    "": "bad_scheme",
    "example.com": "bad_scheme",
    "//example.com": "bad_scheme",
    "https:/example.com": "bad_scheme",
    "https:example.com": "bad_scheme",
    "ftp://example.com/": "bad_scheme",
    "file:///etc/passwd": "bad_scheme",
    "gopher://127.0.0.1:6379/_x": "bad_scheme",
    "javascript:alert(1)": "bad_scheme",
    "data:text/plain,x": "bad_scheme",
    "https://": "bad_host",
    "https:///path": "bad_host",
    "https://:443/": "bad_host",
    "https://?x": "bad_host",
    "https://user@example.com/": "credentials",
    "https://user:password@example.com/": "credentials",
    "https://@example.com/": "credentials",
    "https://example.com:443@127.0.0.1/": "credentials",
    "https://example.com\\@127.0.0.1/": "bad_url",
    "https://example.com\\.evil.com/": "bad_url",
    " https://example.com/": "bad_url",
    "https://example.com/ x": "bad_url",
    "https://example.com/\r\nHost: x": "bad_url",
    "https://example.com/\tx": "bad_url",
    "https://exa\x00mple.com/": "bad_url",
    "https://example.com/\x7f": "bad_url",
    "https://example.com/\ud800": "bad_url",
    "https://example.com/" + "x" * 2000: "bad_url",
    # notations of 127.0.0.1 and 169.254.169.254
    "http://2130706433/": "bad_host",
    "http://0x7f000001/": "bad_host",
    "http://0x7f.0.0.1/": "bad_host",
    "http://0177.0.0.1/": "bad_host",
    "http://017700000001/": "bad_host",
    "http://127.1/": "bad_host",
    "http://127.0.1/": "bad_host",
    "http://127.0.0.1./": "bad_host",
    "http://127.0.0.01/": "bad_host",
    "http://127.0.0.0x1/": "bad_host",
    "http://0/": "bad_host",
    "http://1.2.3.4.5/": "bad_host",
    "http://256.0.0.1/": "bad_host",
    "http://x.0x/": "bad_host",
    "http://x.1/": "bad_host",
    "http://0xA9FEA9FE/": "bad_host",
    "http://%31%32%37.0.0.1/": "bad_host",
    "http://127.0.0.1%2f@example.com/": "credentials",
    "http://[::1/": "bad_host",
    "http://::1/": "bad_host",
    "http://[::1]x/": "bad_host",
    "http://x[::1]/": "bad_host",
    "http://[fe80::1%25eth0]/": "bad_host",
    "http://[fe80::1%eth0]/": "bad_host",
    "http://[127.0.0.1]/": "bad_host",
    "http://[v1.x]/": "bad_host",
    "http://[]/": "bad_host",
    "http://[:::]/": "bad_host",
    # names
    "https://example.com./": "bad_host",
    "https://./": "bad_host",
    "https://example..com/": "bad_host",
    "https://.example.com/": "bad_host",
    "https://-example.com/": "bad_host",
    "https://example-.com/": "bad_host",
    "https://exa mple.com/": "bad_url",
    "https://exa%00mple.com/": "bad_host",
    "https://exa,mple.com/": "bad_host",
    "https://exa;mple.com/": "bad_host",
    "https://*.example.com/": "bad_host",
    "https://" + "a" * 64 + ".com/": "bad_host",
    "https://" + "a." * 127 + "com/": "bad_host",
    "https://exa\u00admple\u2028.com/": "bad_host",
    "https://xn--\u00e4.example/": "bad_host",
    "https://\u202eexample.com/": "bad_host",
    # ports
    "https://example.com:0/": "bad_port",
    "https://example.com:65536/": "bad_port",
    "https://example.com:-1/": "bad_port",
    "https://example.com:+443/": "bad_port",
    "https://example.com:44 3/": "bad_url",
    "https://example.com:4e2/": "bad_port",
    "https://example.com:\u0664\u0664\u0663/": "bad_port",
    "https://example.com:99999999999999999999/": "bad_port",
    "https://example.com:443:443/": "bad_port",
    "https://example.com:25/": "bad_port",
    "https://example.com:22/": "bad_port",
    "http://10.0.0.1:6667/": "bad_port",
}


@pytest.mark.parametrize(("url", "wanted"), GOOD.items())
def test_a_url_is_taken_apart(url: str, wanted: tuple[str, int, str, str]) -> None:
    target = read_target(url)
    assert (target.host, target.port, target.path, target.authority) == wanted
    assert target.plain is url.lower().startswith("http:")


@pytest.mark.parametrize(("url", "code"), HOSTILE.items(), ids=lambda each: ascii(each)[:60])
def test_what_is_read_in_different_ways_is_refused(url: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read_target(url)
    assert refused.value.code == code
    assert "example" not in str(refused.value)
    assert "127" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://127.0.0.1#@example.com/", "127.0.0.1"),
        ("https://127.0.0.1?@example.com/", "127.0.0.1"),
        ("https://127.0.0.1/@example.com/", "127.0.0.1"),
        ("http://１２７.０.０.１/", "127.0.0.1"),
        ("http://127。0。0。1/", "127.0.0.1"),
        ("http://①②⑦.0.0.1/", "127.0.0.1"),
        ("https://ｅｘａｍｐｌｅ.com/", "example.com"),
        ("https://LOCALHOST/", "localhost"),
    ],
    ids=ascii,
)
def test_what_looks_like_another_host_is_read_as_what_it_is(url: str, host: str) -> None:
    assert read_target(url).host == host


def test_an_address_is_known_as_one() -> None:
    assert str(read_target("http://１２７.０.０.１/").address) == "127.0.0.1"
    assert read_target("http://localhost/").address is None


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com{text}", f"https://example.com/{text}"):
        try:
            target = read_target(url)
        except Refused:
            continue
        assert (target.authority + target.path).isascii()
        assert not any(char in target.authority + target.path for char in " \r\n\t\x00\\")
