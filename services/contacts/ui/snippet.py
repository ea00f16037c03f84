"""What is put into the pages of a site. Pure."""

from __future__ import annotations

_SCRIPT = """\
<script>
(function(w,d,t,u,n,a,m){{w['MauticTrackingObject']=n;
w[n]=w[n]||function(){{(w[n].q=w[n].q||[]).push(arguments)}},a=d.createElement(t),
m=d.getElementsByTagName(t)[0];a.async=1;a.src=u;m.parentNode.insertBefore(a,m)
}})(window,document,'script','{base}/mtc.js','mt');
mt('send', 'pageview');
</script>"""


def script_snippet(base: str) -> str:
    """`base`: where browsers reach ingest."""
    return _SCRIPT.format(base=base)


def pixel_snippet(base: str) -> str:
    return f'<img src="{base}/mtracking.gif" width="1" height="1" alt="" style="display:none">'
