# syntax=docker/dockerfile:1
# The server alone; its databases are other containers (deploy/compose.yaml).

FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev
COPY tsconfig.json ./
COPY src ./src
RUN npm run build

FROM node:22-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev && npm cache clean --force

FROM node:22-slim
ENV NODE_ENV=production \
    NODE_OPTIONS=--enable-source-maps \
    WAXWING_PROFILE=production \
    WAXWING_DATA=/data
WORKDIR /app
COPY package.json ./
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
COPY src ./src
COPY deploy/healthcheck.mjs ./deploy/
# `docker exec CONTAINER waxwing account add ...`: the command line tool, already built here.
RUN printf '#!/bin/sh\nexec node /app/dist/src/cli/main.js "$@"\n' > /usr/local/bin/waxwing \
 && chmod 755 /usr/local/bin/waxwing \
 && install -d -o node -g node -m 0700 /data
USER 1000:1000
VOLUME /data
# SMTP, submission (TLS, STARTTLS), IMAP (STARTTLS, TLS), HTTP. A container may bind the low ports without being root.
EXPOSE 25 465 587 143 993 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 CMD ["node", "deploy/healthcheck.mjs"]
ENTRYPOINT ["node", "dist/src/main.js"]
