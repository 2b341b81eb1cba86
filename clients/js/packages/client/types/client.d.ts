/**
 * @import {
 *   Batches, BulkActions, Configuration, GroupNotification, Inbox, Jobs, Noun, Notification, Operation, Options, Schemas,
 *   Sent, WriteOptions,
 * } from "./shapes.js"
 */
/**
 * Hermodr over HTTP.
 *
 *     const hermodr = new Hermodr({ baseUrl: "http://127.0.0.1:8000", apiKey });
 *     const { job_id } = await hermodr.send({ to: "ada@example.com", subject: "Hello", body_text: "It works." });
 *     const { job } = await hermodr.jobs.wait(job_id);
 */
export class Hermodr {
    /** @param {Configuration} [configuration] Throws `NotConfigured`. */
    constructor(configuration?: Configuration);
    apiKeys: Noun<{
        list: Operation<"list", "get", "/v1/api-keys">;
        create: Operation<"write", "post", "/v1/api-keys">;
        get: Operation<"call", "get", "/v1/api-keys/{key_id}">;
        change: Operation<"write", "patch", "/v1/api-keys/{key_id}">;
        rotate: Operation<"write", "post", "/v1/api-keys/{key_id}/rotate">;
        revokeOf: Operation<"write", "post", "/v1/api-keys/revoke">;
        revoke: Operation<"call", "delete", "/v1/api-keys/{key_id}">;
    }>;
    audit: Noun<{
        list: Operation<"list", "get", "/v1/audit-log">;
    }>;
    autoSyncs: Noun<{
        list: Operation<"list", "get", "/v1/auto-syncs">;
        create: Operation<"write", "post", "/v1/auto-syncs">;
        get: Operation<"call", "get", "/v1/auto-syncs/{sync_id}">;
        change: Operation<"write", "patch", "/v1/auto-syncs/{sync_id}">;
        delete: Operation<"call", "delete", "/v1/auto-syncs/{sync_id}">;
        responses: Operation<"list", "get", "/v1/auto-syncs/{sync_id}/responses">;
        respond: Operation<"write", "post", "/v1/auto-syncs/{sync_id}/responses">;
        pause: Operation<"call", "post", "/v1/auto-syncs/{sync_id}/pause">;
        resume: Operation<"call", "post", "/v1/auto-syncs/{sync_id}/resume">;
        complete: Operation<"call", "post", "/v1/auto-syncs/{sync_id}/complete">;
        run: Operation<"call", "post", "/v1/auto-syncs/{sync_id}/run">;
    }>;
    /** @type {Batches} */
    batches: Batches;
    /** @type {BulkActions} */
    bulkActions: BulkActions;
    connections: Noun<{
        list: Operation<"list", "get", "/v1/connections">;
        create: Operation<"write", "post", "/v1/connections">;
        get: Operation<"call", "get", "/v1/connections/{connection_id}">;
        change: Operation<"write", "patch", "/v1/connections/{connection_id}">;
        delete: Operation<"call", "delete", "/v1/connections/{connection_id}">;
        rebuild: Operation<"write", "post", "/v1/connections/{connection_id}/rebuild">;
        schema: Operation<"call", "get", "/v1/connections/{connection_id}/schema">;
    }>;
    console: Noun<{
        link: Operation<"call", "post", "/v1/console/links">;
    }>;
    deadLetters: Noun<{
        list: Operation<"list", "get", "/v1/dead-letters">;
        get: Operation<"call", "get", "/v1/dead-letters/{letter_id}">;
        replay: Operation<"call", "post", "/v1/dead-letters/{letter_id}/replay">;
        replayMany: Operation<"write", "post", "/v1/dead-letters/replay">;
        delete: Operation<"call", "delete", "/v1/dead-letters/{letter_id}">;
        deleteMany: Operation<"ask", "delete", "/v1/dead-letters">;
    }>;
    digestSchedules: Noun<{
        list: Operation<"list", "get", "/v1/digest-schedules">;
        create: Operation<"write", "post", "/v1/digest-schedules">;
        get: Operation<"call", "get", "/v1/digest-schedules/{digest_schedule_id}">;
        change: Operation<"write", "patch", "/v1/digest-schedules/{digest_schedule_id}">;
        delete: Operation<"call", "delete", "/v1/digest-schedules/{digest_schedule_id}">;
        occurrences: Operation<"ask", "get", "/v1/digest-schedules/{digest_schedule_id}/occurrences">;
        preview: Operation<"call", "get", "/v1/digest-schedules/{digest_schedule_id}/preview">;
        run: Operation<"call", "post", "/v1/digest-schedules/{digest_schedule_id}/run">;
    }>;
    groups: Noun<{
        list: Operation<"list", "get", "/v1/groups">;
        create: Operation<"write", "post", "/v1/groups">;
        get: Operation<"call", "get", "/v1/groups/{group_id}">;
        change: Operation<"write", "patch", "/v1/groups/{group_id}">;
        delete: Operation<"call", "delete", "/v1/groups/{group_id}">;
        members: Operation<"list", "get", "/v1/groups/{group_id}/members">;
        addMembers: Operation<"write", "post", "/v1/groups/{group_id}/members">;
        getMember: Operation<"call", "get", "/v1/groups/{group_id}/members/{member_id}">;
        changeMember: Operation<"write", "patch", "/v1/groups/{group_id}/members/{member_id}">;
        removeMember: Operation<"call", "delete", "/v1/groups/{group_id}/members/{member_id}">;
        unread: Operation<"list", "get", "/v1/groups/{group_id}/members/{member_id}/unread">;
        markRead: Operation<"write", "post", "/v1/groups/{group_id}/members/{member_id}/read">;
        updates: Operation<"list", "get", "/v1/groups/{group_id}/updates">;
        postUpdate: Operation<"write", "post", "/v1/groups/{group_id}/updates">;
        getUpdate: Operation<"call", "get", "/v1/groups/{group_id}/updates/{update_id}">;
        changeUpdate: Operation<"write", "patch", "/v1/groups/{group_id}/updates/{update_id}">;
        deleteUpdate: Operation<"call", "delete", "/v1/groups/{group_id}/updates/{update_id}">;
    }>;
    health: Noun<{
        get: Operation<"call", "get", "/health">;
    }>;
    /** @type {Inbox} */
    inbox: Inbox;
    /** @type {Jobs} */
    jobs: Jobs;
    notifications: Noun<{
        send: Operation<"write", "post", "/v1/notifications">;
        sendBulk: Operation<"write", "post", "/v1/notifications/bulk">;
        simulate: Operation<"write", "post", "/v1/notifications/simulate">;
    }>;
    projects: Noun<{
        list: Operation<"list", "get", "/v1/projects">;
        me: Operation<"call", "get", "/v1/projects/me">;
        change: Operation<"write", "patch", "/v1/projects/me">;
        setQuotas: Operation<"write", "patch", "/v1/projects/{project_id}/quotas">;
    }>;
    providers: Noun<{
        get: Operation<"call", "get", "/v1/providers">;
        test: Operation<"write", "post", "/v1/providers/{provider}/test">;
    }>;
    queues: Noun<{
        get: Operation<"call", "get", "/v1/queues">;
        pause: Operation<"write", "post", "/v1/queues/{channel}/pause">;
        resume: Operation<"write", "post", "/v1/queues/{channel}/resume">;
    }>;
    recipients: Noun<{
        list: Operation<"list", "get", "/v1/recipients">;
        create: Operation<"write", "post", "/v1/recipients">;
        upsert: Operation<"write", "put", "/v1/recipients">;
        importCsv: Operation<"write", "post", "/v1/recipients/import">;
        get: Operation<"call", "get", "/v1/recipients/{recipient_id}">;
        change: Operation<"write", "patch", "/v1/recipients/{recipient_id}">;
        delete: Operation<"call", "delete", "/v1/recipients/{recipient_id}">;
        setPreferences: Operation<"write", "put", "/v1/recipients/{recipient_id}/preferences">;
        confirmPhone: Operation<"write", "post", "/v1/recipients/{recipient_id}/addresses/confirm">;
        withdrawAddresses: Operation<"call", "delete", "/v1/recipients/{recipient_id}/addresses/pending">;
        revokeLinks: Operation<"call", "delete", "/v1/recipients/{recipient_id}/links">;
        export: Operation<"call", "get", "/v1/recipients/{recipient_id}/export">;
        webhookSecret: Operation<"call", "get", "/v1/recipients/{recipient_id}/webhook-secret">;
    }>;
    schedules: Noun<{
        list: Operation<"list", "get", "/v1/schedules">;
        create: Operation<"write", "post", "/v1/schedules">;
        get: Operation<"call", "get", "/v1/schedules/{schedule_id}">;
        change: Operation<"write", "patch", "/v1/schedules/{schedule_id}">;
        delete: Operation<"call", "delete", "/v1/schedules/{schedule_id}">;
        occurrences: Operation<"ask", "get", "/v1/schedules/{schedule_id}/occurrences">;
        run: Operation<"call", "post", "/v1/schedules/{schedule_id}/run">;
        runs: Operation<"list", "get", "/v1/schedules/{schedule_id}/runs">;
    }>;
    senders: Noun<{
        list: Operation<"list", "get", "/v1/senders">;
        add: Operation<"write", "post", "/v1/senders">;
        get: Operation<"call", "get", "/v1/senders/{sender_id}">;
        verify: Operation<"write", "post", "/v1/senders/{sender_id}/verify">;
        remove: Operation<"call", "delete", "/v1/senders/{sender_id}">;
    }>;
    signingKeys: Noun<{
        list: Operation<"list", "get", "/v1/projects/me/signing-keys">;
        create: Operation<"write", "post", "/v1/projects/me/signing-keys">;
        get: Operation<"call", "get", "/v1/projects/me/signing-keys/{signing_key_id}">;
        rotate: Operation<"write", "post", "/v1/projects/me/signing-keys/{signing_key_id}/rotate">;
        revoke: Operation<"call", "delete", "/v1/projects/me/signing-keys/{signing_key_id}">;
    }>;
    suppressions: Noun<{
        list: Operation<"list", "get", "/v1/suppressions">;
        add: Operation<"write", "post", "/v1/suppressions">;
        get: Operation<"call", "get", "/v1/suppressions/{suppression_id}">;
        remove: Operation<"call", "delete", "/v1/suppressions/{suppression_id}">;
        removeAddress: Operation<"ask", "delete", "/v1/suppressions">;
        importCsv: Operation<"write", "post", "/v1/suppressions/import">;
        exportCsv: Operation<"ask", "get", "/v1/suppressions/export">;
    }>;
    templates: Noun<{
        list: Operation<"list", "get", "/v1/templates">;
        create: Operation<"write", "post", "/v1/templates">;
        get: Operation<"call", "get", "/v1/templates/{template_id}">;
        change: Operation<"write", "patch", "/v1/templates/{template_id}">;
        delete: Operation<"call", "delete", "/v1/templates/{template_id}">;
        versions: Operation<"list", "get", "/v1/templates/{template_id}/versions">;
        version: Operation<"call", "get", "/v1/templates/{template_id}/versions/{version}">;
        rollback: Operation<"write", "post", "/v1/templates/{template_id}/rollback">;
        preview: Operation<"write", "post", "/v1/templates/{template_id}/preview">;
        previewContents: Operation<"write", "post", "/v1/template-previews">;
    }>;
    userTokens: Noun<{
        rules: Operation<"call", "get", "/v1/projects/me/token-rules">;
        changeRules: Operation<"write", "patch", "/v1/projects/me/token-rules">;
        revoke: Operation<"write", "post", "/v1/projects/me/revoked-users">;
    }>;
    webhooks: Noun<{
        list: Operation<"list", "get", "/v1/webhooks">;
        create: Operation<"write", "post", "/v1/webhooks">;
        get: Operation<"call", "get", "/v1/webhooks/{endpoint_id}">;
        change: Operation<"write", "patch", "/v1/webhooks/{endpoint_id}">;
        delete: Operation<"call", "delete", "/v1/webhooks/{endpoint_id}">;
        rotateSecret: Operation<"call", "post", "/v1/webhooks/{endpoint_id}/rotate-secret">;
        test: Operation<"call", "post", "/v1/webhooks/{endpoint_id}/test">;
        recover: Operation<"write", "post", "/v1/webhooks/{endpoint_id}/recover">;
        deliveries: Operation<"list", "get", "/v1/webhooks/{endpoint_id}/deliveries">;
        delivery: Operation<"call", "get", "/v1/webhooks/{endpoint_id}/deliveries/{message_id}">;
        redeliver: Operation<"call", "post", "/v1/webhooks/{endpoint_id}/deliveries/{message_id}/redeliver">;
    }>;
    /**
     * Requests one notification; it is committed when this returns.
     *
     * @param {Notification} notification
     * @param {WriteOptions<never>} [options]
     * @returns {Promise<Schemas["AcceptedView"]>}
     */
    send(notification: Notification, options?: WriteOptions<never>): Promise<Schemas["AcceptedView"]>;
    /**
     * Requests one for each who is in the group now, 20,000 at most; all of them are committed when this returns.
     *
     * @param {string} groupId
     * @param {GroupNotification} notification
     * @param {WriteOptions<never>} [options]
     * @returns {Promise<Schemas["BatchAcceptedView"]>}
     */
    sendToGroup(groupId: string, notification: GroupNotification, options?: WriteOptions<never>): Promise<Schemas["BatchAcceptedView"]>;
    /**
     * Requests any number of notifications. A bad item is `rejected` and refuses no others, also one that JSON cannot
     * express or that is larger than 10 MiB. Throws `BulkInterrupted` when a request fails, or reading `items` does after
     * one was sent, with what was accepted and the key to go on with.
     *
     * @param {Iterable<Notification> | AsyncIterable<Notification>} items read lazily
     * @param {Options & { idempotencyKey?: string | undefined, jobIds?: boolean | undefined }} [options]
     * @returns {Promise<Sent>}
     */
    sendMany(items: Iterable<Notification> | AsyncIterable<Notification>, options?: Options & {
        idempotencyKey?: string | undefined;
        jobIds?: boolean | undefined;
    }): Promise<Sent>;
    /**
     * What would become of a `send` of the same now, by the rules that decide for real. Nothing is stored or sent.
     *
     * @param {Notification} notification
     * @param {Options} [options]
     * @returns {Promise<Schemas["SimulationView"]>}
     */
    simulate(notification: Notification, options?: Options): Promise<Schemas["SimulationView"]>;
    #private;
}
import type { Operation } from "./shapes.js";
import type { Noun } from "./shapes.js";
import type { Batches } from "./shapes.js";
import type { BulkActions } from "./shapes.js";
import type { Inbox } from "./shapes.js";
import type { Jobs } from "./shapes.js";
import type { Notification } from "./shapes.js";
import type { WriteOptions } from "./shapes.js";
import type { Schemas } from "./shapes.js";
import type { GroupNotification } from "./shapes.js";
import type { Options } from "./shapes.js";
import type { Sent } from "./shapes.js";
import type { Configuration } from "./shapes.js";
