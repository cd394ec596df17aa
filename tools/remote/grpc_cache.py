"""BuildGrid as a cache alone, which needs neither a database nor the image."""

from __future__ import annotations

import dataclasses
import pathlib
import string

from tools.remote import services


@dataclasses.dataclass(frozen=True)
class GrpcCache:
    """One server.

    Attributes:
        folder: of the store and the configuration.
        port: TCP port on 127.0.0.1.
        token_secret: file with the secret of tokens that clients must show; None: open to all.
    """

    folder: pathlib.Path
    port: int
    token_secret: pathlib.Path | None = None

    @property
    def files(self) -> pathlib.Path:
        """What clients sent: blobs, and results as blobs."""
        return self.folder / "files"

    @property
    def endpoint(self) -> str:
        """For LENET_REMOTE_CACHE."""
        return f"grpc://127.0.0.1:{self.port}"

    def _authorization(self) -> str:
        if self.token_secret is None:
            return "{method: none}"
        return f"{{method: jwt, algorithm: hs256, secret: {self.token_secret}}}"

    def service(self, template: str) -> services.Service:
        """The program; `template` is the content of buildgrid_cache.yml.in."""
        config = self.folder / "buildgrid.yml"

        def prepare() -> None:
            self.folder.mkdir(parents=True, exist_ok=True)
            config.write_text(
                string.Template(template).substitute(
                    port=self.port,
                    cas=self.files,
                    authorization=self._authorization(),
                )
            )

        return services.Service(
            "buildgrid",
            [*services.BUILDGRID, "server", "start", str(config)],
            lambda: services.answers(f"127.0.0.1:{self.port}"),
            prepare,
        )
