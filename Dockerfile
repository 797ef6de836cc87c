# One image for every role: piing gateway | api | worker | operator | migrate, and the administrators' commands.
# tools/image.sh builds it with buildah; `docker build .` works as well.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
COPY tsconfig.json tsconfig.build.json ./
COPY tools ./tools
COPY src ./src
RUN node tools/build.mjs
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
# The link is for `kubectl exec … -- piing uploads list`.
RUN mkdir -p /first/app /first/usr/local/bin \
 && ln -s /app/dist/main.js /first/usr/local/bin/piing \
 && printf '{"version":"%s","revision":"%s","created":"%s"}\n' "$VERSION" "$REVISION" "$CREATED" >/first/app/build.json

# Without optional packages there is neither ssh2's addon, which aborts Node 24, nor the embedded PostgreSQL of
# `piing standalone`. Types, source maps and pages for readers are a third of what is left.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund --loglevel=error \
 && find node_modules -type f \( -name '*.ts' -o -name '*.map' -o -name '*.md' -o -name '*.mts' -o -name '*.cts' -o -name '*.bare' \) -delete \
 && find node_modules -depth -type d -empty -delete \
 && rm node_modules/.package-lock.json

FROM ${NODE_IMAGE}
# First, because it differs with every commit: no layer is taken from the build of another one, with the times of that.
COPY --from=build /first/ /
WORKDIR /app
COPY LICENSE package.json ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY crds ./crds
COPY config/schemas ./config/schemas
COPY --from=build /app/dist ./dist
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Piing Gateway" \
      org.opencontainers.image.description="Takes files by SFTP and HTTP and turns them into validated rows" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="Piing" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
ENV NODE_ENV=production HOME=/app
USER 65532:65532
# SFTP, HTTP, and metrics with health.
EXPOSE 2222 8080 9090
STOPSIGNAL SIGTERM
# A core dump would hold the secrets of the process, and Node cannot set its own limits. The shell becomes Node.
ENTRYPOINT ["/bin/sh", "-c", "ulimit -c 0; exec node /app/dist/main.js \"$@\"", "piing"]
CMD ["--help"]
