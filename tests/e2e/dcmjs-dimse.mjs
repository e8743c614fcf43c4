// SPDX-License-Identifier: Apache-2.0
// The DICOM node driven by a client and a server that others wrote (npm dcmjs-dimse):
//   node tests/e2e/dcmjs-dimse.mjs '{"port": …, "called": …, "listen": …, "files": […], …}'
// tests/interop/dcmjs_node.py starts the node and says what is where. Echo, store, find, get, move to a server of
// dcmjs-dimse's, user identity, asynchronous operations, cancel, rejections, TLS.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { equal, finish, ok, skip, test, until } from './lib/check.mjs';

const dimse = createRequire(import.meta.url)('dcmjs-dimse');
const { CEchoRequest, CFindRequest, CGetRequest, CMoveRequest, CStoreRequest } = dimse.requests;
const { CEchoResponse, CStoreResponse } = dimse.responses;
const { PresentationContextResult, RejectReason, RejectResult, Status, TransferSyntax, UserIdentityType } = dimse.constants;
dimse.log?.setLevel?.('silent');
const setup = JSON.parse(process.argv[2]);
const CALLING = 'DCMJS';
const TIMEOUT_MS = 20_000;

/** One association: what happened until it was over. */
function talk(requests, { options = {}, calling = CALLING, called = setup.called, port = setup.port, wire = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const client = new dimse.Client();
    const seen = { responses: [], stored: [], rejected: null, aborted: null };
    const timer = setTimeout(() => reject(new Error(`no end within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
    const over = (settle, value) => {
      clearTimeout(timer);
      settle(value);
    };
    for (const request of requests) {
      request.on('response', (response) => seen.responses.push(response));
      client.addRequest(request);
    }
    client.on('associationAccepted', (association) => {
      seen.association = association;
    });
    client.on('associationRejected', (result) => {
      seen.rejected = result;
    });
    client.on('associationReleased', () => over(resolve, seen));
    client.on('abort', (aborted) => {
      seen.aborted = aborted;
    });
    client.on('closed', () => over(resolve, seen));
    client.on('networkError', (cause) => over(reject, cause));
    client.on('cStoreRequest', (request, callback) => {
      seen.stored.push(request.getDataset());
      const response = CStoreResponse.fromRequest(request);
      response.setStatus(Status.Success);
      callback(response);
    });
    wire(client, seen);
    client.send('127.0.0.1', port, calling, called, { connectTimeout: 10_000, associationTimeout: 10_000, ...options });
  });
}

const statuses = (seen) => seen.responses.map((r) => r.getStatus());
const final = (seen) => seen.responses.at(-1);
const matches = (seen) => seen.responses.filter((r) => r.getStatus() === Status.Pending && r.hasDataset()).map((r) => r.getDataset().getElements());
const elements = (dataset) => dataset.getElements();

/** A server of dcmjs-dimse's that keeps what it is sent. */
class Station extends dimse.Scp {
  static stored = [];
  static refuse = false;

  associationRequested(association) {
    this.association = association;
    for (const { id } of association.getPresentationContexts()) {
      const context = association.getPresentationContext(id);
      const syntax = context.getTransferSyntaxUids().find((s) => s === TransferSyntax.ImplicitVRLittleEndian || s === TransferSyntax.ExplicitVRLittleEndian);
      if (syntax) context.setResult(PresentationContextResult.Accept, syntax);
      else context.setResult(PresentationContextResult.RejectTransferSyntaxesNotSupported);
    }
    this.sendAssociationAccept();
  }

  cEchoRequest(request, callback) {
    const response = CEchoResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  cStoreRequest(request, callback) {
    const response = CStoreResponse.fromRequest(request);
    response.setStatus(Station.refuse ? Status.ProcessingFailure : Status.Success);
    if (!Station.refuse) Station.stored.push(request.getDataset());
    callback(response);
  }

  associationReleaseRequested() {
    this.sendAssociationReleaseResponse();
  }
}

const server = new dimse.Server(Station);
server.on('networkError', () => {});
server.listen(setup.listen);

await test('echo', async () => {
  equal(statuses(await talk([new CEchoRequest()])), [Status.Success], 'status');
});

await test('ten echoes on one association', async () => {
  const seen = await talk(Array.from({ length: 10 }, () => new CEchoRequest()));
  equal(statuses(seen), Array(10).fill(Status.Success), 'statuses');
});

await test('store, one image after the other', async () => {
  const seen = await talk(setup.files.map((path) => new CStoreRequest(path)));
  equal(statuses(seen), setup.files.map(() => Status.Success), 'statuses');
});

await test('store with asynchronous operations', async () => {
  const seen = await talk(setup.more.map((path) => new CStoreRequest(path)), { options: { asyncOps: { maxAsyncOpsInvoked: 8, maxAsyncOpsPerformed: 1 } } });
  equal(statuses(seen), setup.more.map(() => Status.Success), 'statuses');
  ok(seen.association.getNegotiateAsyncOps(), 'the window was not answered');
  const invoked = seen.association.getMaxAsyncOpsInvoked();
  ok(invoked >= 1 && invoked <= 8, `a window of ${invoked}, proposed 8`);
});

await test('find studies', async () => {
  const keys = { PatientID: 'T1', PatientName: '', StudyInstanceUID: '', NumberOfStudyRelatedInstances: '' };
  const count = (seen) => matches(seen).reduce((sum, m) => sum + Number(m.NumberOfStudyRelatedInstances), 0);
  const ask = () => talk([CFindRequest.createStudyFindRequest({ ...keys })]);
  await until(async () => count(await ask()) === setup.images, 'the gate releases the images'); // acknowledged is not yet released
  const seen = await ask();
  equal(final(seen).getStatus(), Status.Success, 'status');
  equal(matches(seen).map((m) => [m.PatientID, m.StudyInstanceUID]), [['T1', setup.study]], 'matches');
});

await test('find series and images', async () => {
  const series = await talk([CFindRequest.createSeriesFindRequest({ StudyInstanceUID: setup.study, SeriesInstanceUID: '', Modality: '' })]);
  equal(matches(series).map((m) => m.SeriesInstanceUID).sort(), setup.series, 'series');
  const images = await talk([CFindRequest.createImageFindRequest({ StudyInstanceUID: setup.study, SeriesInstanceUID: setup.series[0], SOPInstanceUID: '' })]);
  equal(matches(images).length, setup.imagesOfFirst, 'images');
});

await test('find by a name with a wildcard, two queries on one association', async () => {
  const seen = await talk([CFindRequest.createStudyFindRequest({ PatientName: 'TEST^*', StudyInstanceUID: '' }), CFindRequest.createStudyFindRequest({ PatientID: 'NOBODY', StudyInstanceUID: '' })]);
  equal(seen.responses.filter((r) => r.getStatus() === Status.Success).length, 2, 'final responses');
  equal(matches(seen).length, setup.studies, 'matches');
});

await test('get a study', async () => {
  const seen = await talk([CGetRequest.createStudyGetRequest(setup.study)]);
  const last = final(seen);
  equal([last.getStatus(), last.getCompleted(), last.getFailures()], [Status.Success, setup.images, 0], 'final response');
  equal(seen.stored.map((d) => elements(d).SOPInstanceUID).sort(), setup.instances, 'instances');
});

await test('get one image', async () => {
  const seen = await talk([CGetRequest.createImageGetRequest(setup.study, setup.series[0], setup.instances[0])]);
  equal(seen.stored.map((d) => elements(d).SOPInstanceUID), [setup.instances[0]], 'instances');
});

await test('move to a server of dcmjs-dimse', async () => {
  Station.stored.length = 0;
  const seen = await talk([CMoveRequest.createStudyMoveRequest(CALLING, setup.study)]);
  const last = final(seen);
  equal([last.getStatus(), last.getCompleted(), last.getFailures()], [Status.Success, setup.images, 0], 'final response');
  await until(() => Station.stored.length === setup.images, 'all images');
  equal(Station.stored.map((d) => elements(d).SOPInstanceUID).sort(), setup.instances, 'instances');
});

await test('move of compressed images to a server that takes none', async () => {
  if (!setup.compressed) skip('no sample files');
  Station.stored.length = 0;
  const seen = await talk([CMoveRequest.createStudyMoveRequest(CALLING, setup.compressed)]);
  equal(final(seen).getStatus(), Status.Success, 'status');
  await until(() => Station.stored.length >= 1, 'an image');
  ok(Station.stored.every((d) => elements(d).Rows > 0), 'an image without rows');
});

await test('move to a server that refuses each image', async () => {
  Station.refuse = true;
  const seen = await talk([CMoveRequest.createStudyMoveRequest(CALLING, setup.study)]);
  Station.refuse = false;
  const last = final(seen);
  ok(last.getStatus() !== Status.Success && last.getFailures() === setup.images, `status ${last.getStatus().toString(16)}, ${last.getFailures()} failed`);
});

await test('move to an unknown destination', async () => {
  const seen = await talk([CMoveRequest.createStudyMoveRequest('NOBODY', setup.study)]);
  equal(final(seen).getStatus(), Status.MoveDestinationUnknown, 'status');
});

await test('user identity: a name, a name with a passcode', async () => {
  for (const userIdentity of [
    { type: UserIdentityType.Username, positiveResponseRequested: true, primaryField: 'curator' },
    { type: UserIdentityType.UsernameAndPasscode, positiveResponseRequested: false, primaryField: 'curator', secondaryField: 'a passcode' },
  ]) {
    const seen = await talk([new CEchoRequest()], { options: { userIdentity } });
    equal(statuses(seen), [Status.Success], `status with type ${userIdentity.type}`);
  }
});

await test('an unknown calling AE title is rejected', async () => {
  const seen = await talk([new CEchoRequest()], { calling: 'STRANGER' });
  equal([seen.rejected?.result, seen.rejected?.reason], [RejectResult.Permanent, RejectReason.CallingAeNotRecognized], 'rejection');
});

await test('an unknown called AE title is rejected', async () => {
  const seen = await talk([new CEchoRequest()], { called: 'NOBODY' });
  equal([seen.rejected?.result, seen.rejected?.reason], [RejectResult.Permanent, RejectReason.CalledAeNotRecognized], 'rejection');
});

await test('echo, store and get over TLS', async () => {
  if (!setup.tls) skip('the node has no TLS port');
  const securityOptions = { key: readFileSync(setup.tls.key), cert: readFileSync(setup.tls.certificate), ca: readFileSync(setup.tls.authority), rejectUnauthorized: true };
  const over = { options: { securityOptions }, port: setup.tls.port };
  equal(statuses(await talk([new CEchoRequest(), new CStoreRequest(setup.files[0])], over)), [Status.Success, Status.Success], 'statuses');
  const seen = await talk([CGetRequest.createStudyGetRequest(setup.study)], over);
  equal(seen.stored.length, setup.images, 'images');
});

await test('without a certificate there is no TLS', async () => {
  if (!setup.tls) skip('the node has no TLS port');
  let answered = false;
  try {
    const seen = await talk([new CEchoRequest()], { options: { securityOptions: { ca: readFileSync(setup.tls.authority), rejectUnauthorized: true } }, port: setup.tls.port });
    answered = statuses(seen).length > 0;
  } catch {
    // what is wanted
  }
  ok(!answered, 'answered');
});

server.close();
process.exit(finish());
